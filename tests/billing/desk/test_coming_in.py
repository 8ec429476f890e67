"""Somebody with a seat by the day finds the ceiling reached: the log-in asks, an administrator answers, through the real doors."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from billing.seats import admitting, asking, buying, choosing
from billing.seats.models import SeatDay, SeatRequest
from billing.subscribing import paying
from crm_platform.accounts import roles
from crm_platform.accounts.models import Role, SeatState, User
from crm_platform.db import sides
from crm_platform.kernel import clock
from crm_platform.kernel.errors import Forbidden
from crm_platform.letters.models import Letter
from tests.billing.buying import Firm
from tests.conftest import PASSWORD
from tests.factories.cast import cast, person


@pytest.fixture
def full(firm: Firm) -> Firm:
    """Two people by the day and a ceiling of one day, which is used: Ann is kept out."""
    firm.buy()
    buying.set_occasional_ceiling(firm.place, 1, actor=firm.owner)
    with firm.door.unit():
        for name in ("Ann", "Bea"):
            one = person(roles.SELLER, name=name)
            choosing.set_kind(firm.owner, pk=one.pk, kind="occasional")
            one.refresh_from_db()
            one.set_password(PASSWORD)
            one.save()
        SeatDay.objects.create(person=User.objects.get(name="Bea").pk, day=admitting.today())
    return firm


def text(answer: Any) -> str:
    return answer.content.decode()


def browser(firm: Firm, name: str) -> Client:
    return firm.door.client(email=f"{name}@veldhuis.example")


def letters(firm: Firm, to: str) -> int:
    with firm.door.unit():
        return Letter.objects.filter(to=to).count()


def request_of(firm: Firm) -> SeatRequest:
    with firm.door.unit():
        return SeatRequest.objects.get()


def test_who_is_kept_out_asks_and_the_administrator_sees_it(full: Firm) -> None:
    ann, owner = browser(full, "ann"), full.door.client()
    refused = ann.get("/contacts")
    assert refused.status_code == 402
    assert re.search(r'<form[^>]*method="post" action="/seat-asked"', text(refused))
    assert "Ask an administrator" in text(ann.get("/seat-asked"))
    assert "who asks" not in text(owner.get("/settings/plan/seats")).lower()
    before = letters(full, "olga@veldhuis.example")
    for _time in range(2):
        assert ann.post("/seat-asked").status_code == 303
    assert letters(full, "olga@veldhuis.example") == before + 1
    assert "You have asked" in text(ann.get("/seat-asked"))
    assert "1 person asks to be let in" in text(owner.get("/settings/plan"))
    assert "seat.asked" in full.events()
    page = text(owner.get("/settings/plan/seats"))
    assert "Let in today for" in page
    assert '<data value="1.90"' in page


def test_the_log_in_itself_asks(full: Firm) -> None:
    stranger = full.door.client(email=None)
    assert stranger.post("/account/login/", {"login": "ann@veldhuis.example", "password": PASSWORD}).status_code in (302, 303)
    assert request_of(full).state == "waiting"
    assert "You have asked" in text(stranger.get("/seat-asked"))
    again = full.door.client(email=None)
    again.post("/account/login/", {"login": "bea@veldhuis.example", "password": PASSWORD})
    assert request_of(full).why == "days"  # Bea's day is counted: she comes in


def test_let_in_for_a_day_and_no_longer(full: Firm) -> None:
    ann, owner = browser(full, "ann"), full.door.client()
    ann.post("/seat-asked")
    row = request_of(full)
    assert owner.post(f"/settings/plan/seats/asked/{row.pk}", {"act": "let-in"}).status_code == 303
    assert letters(full, "ann@veldhuis.example") == 1
    assert ann.get("/seat-asked").headers["Location"] == "/"
    assert ann.get("/contacts").status_code == 200
    with full.door.unit():
        assert admitting.days_used(admitting.month()) == 2
        with clock.frozen(clock.now() + timedelta(days=1)):
            if admitting.today().day != 1:
                assert not admitting.may_come(User.objects.get(name="Ann").pk)
    assert "seat.let_in" in full.events()
    owner.post(f"/settings/plan/seats/asked/{row.pk}", {"act": "refuse"})
    assert request_of(full).state == "allowed"


def test_refused_and_not_asked_again_that_day(full: Firm) -> None:
    ann, owner = browser(full, "ann"), full.door.client()
    ann.post("/seat-asked")
    row = request_of(full)
    owner.post(f"/settings/plan/seats/asked/{row.pk}", {"act": "refuse"})
    assert (request_of(full).state, letters(full, "ann@veldhuis.example")) == ("refused", 1)
    before = letters(full, "olga@veldhuis.example")
    ann.post("/seat-asked")
    assert "Not for now" in text(ann.get("/seat-asked"))
    assert ann.get("/contacts").status_code == 402
    assert letters(full, "olga@veldhuis.example") == before
    assert "seat.refused" in full.events()


def test_a_higher_ceiling_lets_in_who_asked(full: Firm) -> None:
    ann, owner = browser(full, "ann"), full.door.client()
    ann.post("/seat-asked")
    assert owner.post("/settings/plan/seats/kinds", {"days": "5"}).status_code == 303
    assert (request_of(full).state, letters(full, "ann@veldhuis.example")) == ("allowed", 1)
    assert ann.get("/contacts").status_code == 200


def test_a_day_more_never_passes_the_spending_ceiling(full: Firm) -> None:
    browser(full, "ann").post("/seat-asked")
    paying.set_spending_ceiling(full.place, 9_500 + 190, actor=full.owner)  # five seats and one day
    owner, row = full.door.client(), request_of(full)
    owner.post(f"/settings/plan/seats/asked/{row.pk}", {"act": "let-in"})
    assert "above the ceiling" in text(owner.get("/settings/plan/seats"))
    assert request_of(full).state == "waiting"
    assert browser(full, "ann").get("/contacts").status_code == 402


def test_who_may_answer(full: Firm, make_door: Any) -> None:
    browser(full, "ann").post("/seat-asked")
    row = request_of(full)
    with full.door.unit():
        people = cast()
    for name in ("mia", "sam", "vera", "una"):
        assert browser(full, name).post(f"/settings/plan/seats/asked/{row.pk}", {"act": "let-in"}).status_code == 403, name
        assert browser(full, name).get("/settings/plan/seats/kinds").status_code == 403, name
    assert full.door.client(email=None).post(f"/settings/plan/seats/asked/{row.pk}", {"act": "let-in"}).status_code == 302
    assert full.door.client(email=None).get("/seat-asked").status_code == 302
    theirs = make_door(email="eve@elsewhere.example").client(email="eve@elsewhere.example")
    assert theirs.post(f"/settings/plan/seats/asked/{row.pk}", {"act": "refuse"}).status_code == 404
    assert request_of(full).state == "waiting"
    for name in ("manager", "seller", "viewer"):
        with pytest.raises(Forbidden):
            asking.let_in(full.place, row.pk, actor=people[name])
        with full.door.unit(), pytest.raises(Forbidden):
            asking.give_seat(people[name], pk=row.pk)
        with full.door.unit(), pytest.raises(Forbidden):
            asking.refuse(people[name], pk=row.pk)
    assert browser(full, "ada").post(f"/settings/plan/seats/asked/{row.pk}", {"act": "refuse"}).status_code == 303


def test_a_person_without_a_seat_is_given_a_free_one(firm: Firm) -> None:
    firm.buy()
    with firm.door.unit():
        one = person(roles.SELLER, name="Ann")
        choosing.SeatChoice.objects.create(seats=10)  # the firm chose that others stay
        User.objects.filter(pk=one.pk).update(seat_state=SeatState.NONE)
    ann, owner = browser(firm, "ann"), firm.door.client()
    refused = ann.get("/contacts")
    assert (refused.status_code, 'action="/seat-asked"' in text(refused)) == (403, True)
    ann.post("/seat-asked")
    assert "Give a free seat" in text(owner.get("/settings/plan/seats"))
    owner.post(f"/settings/plan/seats/asked/{request_of(firm).pk}", {"act": "seat"})
    assert ann.get("/contacts").status_code == 200


def test_kinds_are_given_on_the_persons_page(full: Firm) -> None:
    owner = full.door.client()
    with full.door.unit():
        ann = User.objects.get(name="Ann")
        seller, viewer = Role.objects.get(code="seller").pk, Role.objects.get(code="viewer").pk
        boss = User.objects.get(role__code="owner").pk
    page = f"/settings/plan/seats/people/{ann.pk}"
    assert owner.get(page).status_code == 200

    def now() -> tuple[str, str]:
        with full.door.unit():
            one = User.objects.select_related("role").get(pk=ann.pk)
            return one.seat, one.role.code

    for sent, becomes in (
        ({"kind": "viewer", "viewer_role": viewer}, ("named", "viewer")), ({"kind": "occasional", "role": seller}, ("occasional", "seller")),
        ({"kind": "named", "role": seller}, ("named", "seller")), ({"kind": "viewer", "viewer_role": viewer}, ("named", "viewer")), ({"kind": "named", "role": seller}, ("named", "seller")),
    ):  # fmt: skip
        assert owner.post(page, sent).status_code == 303, sent
        assert now() == becomes
    for wrong in ({"kind": "gold", "role": seller}, {"kind": "viewer", "viewer_role": seller}, {"kind": "named", "role": viewer}, {"kind": "named", "role": 10**9}, {}):
        refused = owner.post(page, wrong)
        assert (refused.status_code, 'role="alert"' in text(refused)) == (422, True), wrong
        assert now() == ("named", "seller")
    assert owner.post(f"/settings/plan/seats/people/{boss}", {"kind": "viewer", "viewer_role": viewer}).status_code == 422
    assert owner.get("/settings/plan/seats/people/999999").status_code == 404
    assert "seat.changed" in full.events()


@pytest.mark.parametrize("days", ["0", "-1", "1000000000", "ten", "2.5"])
def test_a_ceiling_that_cannot_be_is_said_and_stays_typed(full: Firm, days: str) -> None:
    refused = full.door.client().post("/settings/plan/seats/kinds", {"days": days})
    assert (refused.status_code, f'value="{days}"' in text(refused)) == (422, True)
    assert full.row().occasional_ceiling == 1


def test_seats_by_the_day_end_only_once_nobody_has_one(full: Firm) -> None:
    owner = full.door.client()
    refused = owner.post("/settings/plan/seats/kinds", {"days": ""})
    assert (refused.status_code, "Give them another kind" in text(refused)) == (422, True)
    with full.door.unit():
        for one in User.objects.filter(seat="occasional"):
            choosing.set_kind(full.owner, pk=one.pk, kind="named")
    assert owner.post("/settings/plan/seats/kinds", {"days": ""}).status_code == 303
    assert full.row().occasional_ceiling is None


def test_the_ceiling_of_days_never_passes_the_spending_ceiling(full: Firm) -> None:
    paying.set_spending_ceiling(full.place, 10_000, actor=full.owner)
    refused = full.door.client().post("/settings/plan/seats/kinds", {"days": "3"})
    assert (refused.status_code, "above the ceiling" in text(refused)) == (402, True)
    assert full.row().occasional_ceiling == 1
    assert full.door.client().post("/settings/plan/seats/kinds", {"days": "2"}).status_code == 303


def test_a_plan_without_seats_by_the_day_gives_none_away(firm: Firm) -> None:
    firm.buy(plan="everyone")
    assert "no seats by the day" in text(firm.door.client().get("/settings/plan/seats/kinds"))
    assert firm.door.client().post("/settings/plan/seats/kinds", {"days": "3"}).status_code == 422
    with sides.unit(firm.place):
        assert not SeatRequest.objects.exists()
