"""A workspace that leaves is not charged for another period; called back, its plan goes on; and what people decided about it stands."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from billing.dunning import departing
from billing.models import MoneyEntry
from billing.subscribing import life
from crm_platform.accounts.actors import actor_of
from crm_platform.accounts.models import User
from crm_platform.db import sides
from crm_platform.jobs import serving
from crm_platform.jobs.models import Job
from crm_platform.kernel import clock
from crm_platform.kernel.permissions import Actor
from tenants.lifecycle import leaving, telling
from tests.billing.buying import Firm, later, operation
from tests.tenants.lives import OPERATOR, let_go


@pytest.fixture(autouse=True)
def tidy(firm: Firm) -> None:
    with sides.control_unit():
        Job.objects.filter(name=departing.DEPART).delete()


def round_of_chores(firm: Firm) -> None:
    departing.take_up()
    with sides.control_unit():
        Job.objects.filter(name=departing.DEPART, state="waiting").update(at=clock.real_now())
    for _slice in range(30):
        if serving.serve_side(sides.control_unit):
            return


def come_back(firm: Firm) -> None:
    telling.tell(leaving.come_back(firm.door.place.public_id, by=OPERATOR, operation=uuid.uuid4()))


def owner(firm: Firm) -> Actor:
    with firm.door.unit():
        return actor_of(User.objects.select_related("role", "group").get(role__code="owner"))


def cancellations(firm: Firm) -> list[str]:
    account = firm.account()
    with sides.control_unit():
        return list(MoneyEntry.objects.filter(account=account, name__in=("plan.cancelled", "plan.resumed")).order_by("pk").values_list("name", flat=True))


def renews(firm: Firm) -> bool:
    """Whether the next period is charged; time goes on for good in the provider's books."""
    before = firm.charged()
    with later(clock.now() + timedelta(days=32)):
        firm.provider.pass_time()
    return firm.charged() > before


def test_what_leaves_is_not_charged_again(firm: Firm) -> None:
    firm.buy()
    let_go(firm.door, days=90)
    for _twice in range(2):
        round_of_chores(firm)
    assert cancellations(firm) == ["plan.cancelled"]
    assert firm.row().cancel_at == firm.row().period_end
    assert "plan.cancelled" in firm.events()
    assert not renews(firm)


def test_called_back_the_plan_goes_on(firm: Firm) -> None:
    firm.buy()
    let_go(firm.door)
    round_of_chores(firm)
    come_back(firm)
    for _twice in range(2):
        round_of_chores(firm)
    assert cancellations(firm) == ["plan.cancelled", "plan.resumed"]
    assert firm.row().cancel_at is None
    assert renews(firm)


def test_what_a_person_cancelled_stays_cancelled(firm: Firm) -> None:
    firm.buy()
    life.cancel(firm.place, actor=owner(firm), operation=operation())
    let_go(firm.door)
    round_of_chores(firm)
    come_back(firm)
    round_of_chores(firm)
    assert cancellations(firm) == ["plan.cancelled"]
    assert firm.row().cancel_at is not None


def test_who_resumes_by_hand_is_believed(firm: Firm) -> None:
    firm.buy()
    let_go(firm.door)
    round_of_chores(firm)
    life.resume(firm.place, actor=owner(firm), operation=operation())
    round_of_chores(firm)
    assert cancellations(firm) == ["plan.cancelled", "plan.resumed"]
    assert firm.row().cancel_at is None


def test_a_silent_provider_is_asked_again(firm: Firm) -> None:
    firm.buy()
    let_go(firm.door)
    firm.provider.down = True
    round_of_chores(firm)
    assert firm.row().cancel_at is None
    firm.provider.down = False
    round_of_chores(firm)
    assert firm.row().cancel_at is not None
    assert cancellations(firm) == ["plan.cancelled"]


def test_others_are_left_alone(firm: Firm) -> None:
    let_go(firm.door)  # has bought nothing
    round_of_chores(firm)
    come_back(firm)
    firm.buy()
    round_of_chores(firm)
    assert cancellations(firm) == []
    assert firm.row().cancel_at is None
