"""The list of first steps: derived from what there is, for those who may do it, gone when closed or done."""

from __future__ import annotations

import pytest

from crm_core.engagement.tasks import services as tasks
from crm_core.groundwork.imports.models import ImportRun, Stage
from crm_core.insights.first_hour import queries, services
from crm_core.sales.deals import services as deals
from crm_platform.accounts import services as accounts
from crm_platform.accounts.models import Role
from crm_platform.events.models import Event
from crm_platform.kernel import clock
from crm_platform.kernel.errors import Forbidden
from crm_platform.kernel.permissions import robot
from tests.factories.cast import cast

ROBOT = robot("test")
pytestmark = pytest.mark.usefixtures("workspace_addresses")


def done() -> list[str]:
    return [step.code for step in queries.hour().steps if step.done]


def test_each_step_is_a_fact(inside) -> None:
    assert done() == ["firm", "pipeline"]
    step = next(step for step in queries.hour().steps if step.code == "colleagues")
    assert step.hint.endswith("are free")
    assert not next(step for step in queries.hour().steps if step.code == "next").url
    deal = deals.create_deal(ROBOT, name="Shelves")
    assert done() == ["firm", "pipeline", "deal"]
    assert next(step for step in queries.hour().steps if step.code == "next").url == f"/deals/{deal.pk}"
    run = ImportRun.objects.create(kind="contact", file_name="a.csv", path="a.csv", stage=Stage.RUNNING)
    assert "list" not in done()
    ImportRun.objects.filter(pk=run.pk).update(stage=Stage.DONE)
    tasks.add(ROBOT, text="call", due_at=clock.now(), entity="deal", record_id=deal.pk)
    accounts.invite(ROBOT, emails=["piet@veldhuis.example"], role_id=Role.objects.get(code="seller").pk)
    assert done() == ["firm", "pipeline", "deal", "list", "next", "colleagues"]
    assert queries.hour().following is None


def test_a_task_without_a_deal_is_no_next_step(inside) -> None:
    deals.create_deal(ROBOT, name="Shelves")
    tasks.add(ROBOT, text="buy coffee", due_at=clock.now())
    assert "next" not in done()


def test_it_costs_the_same_with_one_deal_and_with_three(inside, count_statements) -> None:
    counts = []
    for number in (1, 2):
        for at in range(number):
            deals.create_deal(ROBOT, name=f"Deal {at}")
        queries.hour()
        with count_statements() as count:
            queries.hour()
        counts.append(count())
    assert counts[0] == counts[1] <= 5


def test_closing_and_bringing_back(inside) -> None:
    owner = cast()["owner"]
    assert services.is_offered()
    services.close(owner)
    assert not services.is_offered()
    event = Event.objects.order_by("-id")[0]
    assert (event.name, event.after) == ("preferences.changed", {"first_steps": False})
    services.show(owner)
    assert services.is_offered()


def test_only_who_may_do_the_steps_closes_them(inside) -> None:
    people = cast()
    assert {who for who, actor in people.items() if queries.for_whom(actor)} == {"owner", "administrator"}
    for who in ("manager", "seller", "viewer"):
        for verb in (services.close, services.show):
            with pytest.raises(Forbidden):
                verb(people[who])
    assert services.is_offered()
