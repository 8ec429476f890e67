"""What operators do about one workspace: more time, another limit; and coupons."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from billing import ports, telling
from billing.console import queries, services
from billing.dunning import walking
from billing.models import BillingAccount, Coupon, MoneyEntry, Override, Subscription
from crm_platform.accounts.operators import NotYourDuty
from crm_platform.db import sides
from crm_platform.events.models import Event
from crm_platform.kernel import clock
from crm_platform.kernel.errors import Invalid, NotFound
from tests.billing.buying import later
from tests.conftest import Door

from .desk import ADMIN, LOOKER, TELLER

Desk = Callable[..., Client]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The workspaces that were told, outside of any transaction."""
    heard: list[str] = []

    def hear(workspace: Any) -> None:
        from django.db import connections

        assert not connections["control"].in_atomic_block
        heard.append(workspace.public_id)

    monkeypatch.setattr(ports.told, "_answerer", hear)
    return heard


def row(door: Door) -> Subscription:
    """The workspace's subscription as it stands."""
    with sides.control_unit():
        return Subscription.objects.select_related("plan", "workspace").get(workspace=door.workspace)


def change(door: Door, **values: Any) -> None:
    """As if a verb had changed the row."""
    with sides.control_unit():
        Subscription.objects.filter(workspace=door.workspace).update(**values)


def journal(door: Door) -> list[MoneyEntry]:
    """What was written about the money."""
    with sides.control_unit():
        return list(MoneyEntry.objects.filter(account__workspace=door.workspace).order_by("id"))


def test_a_trial_ends_later_and_the_journal_says_who_and_why(doors: Door, told: list[str]) -> None:
    until = services.extend(TELLER, doors.place.public_id, days=40, reason=" asked for time ")
    assert row(doors).trial_ends_at == until
    assert told == [doors.place.public_id]
    entry = journal(doors)[0]
    assert (entry.name, entry.reason, entry.actor, entry.after) == ("operator.extended", "asked for time", TELLER.signature, {"trial_ends_at": until.isoformat()})


def test_a_trial_that_was_over_begins_again_with_everything(doors: Door) -> None:
    with later(row(doors).trial_ends_at + timedelta(hours=1)):
        walking.look(doors.workspace)
        assert (row(doors).plan.code, telling_of(doors)["limits"]["contacts"]) == ("free", 5_000)
        services.extend(TELLER, doors.place.public_id, days=10, reason="they asked")
        held = telling_of(doors)
    assert (held["billing_state"], held["plan"], held["limits"]["contacts"], held["limits"]["users"]) == ("trial", "business", 500_000, 10)
    assert "mailings" in held["features"]


def telling_of(door: Door) -> dict[str, Any]:
    """What the workspace is told."""
    with sides.control_unit():
        return telling.values_of(Subscription.objects.select_related("plan", "workspace").get(workspace=door.workspace))


def test_an_open_bill_is_waited_for(doors: Door, told: list[str]) -> None:
    now = clock.now()
    change(doors, trial_ends_at=None, status="past_due", past_due_since=now - timedelta(days=20))
    until = services.extend(ADMIN, doors.place.public_id, days=7, reason="the bank is late")
    found = row(doors)
    assert found.extended_until == until
    assert found.past_due_since == now - timedelta(days=20)
    with sides.control_unit():
        assert queries.whole(doors.place.public_id).row.standing.state == "past_due"  # type: ignore[union-attr]


@pytest.mark.parametrize(("given", "field"), [({"days": 0}, "days"), ({"days": 91}, "days"), ({"reason": "  "}, "reason")])
def test_an_extension_is_refused_and_nothing_changes(doors: Door, told: list[str], given: dict[str, Any], field: str) -> None:
    before = row(doors).trial_ends_at
    with pytest.raises(Invalid) as refused:
        services.extend(TELLER, doors.place.public_id, **{"days": 7, "reason": "because", **given})
    assert list(refused.value.fields) == [field]
    assert row(doors).trial_ends_at == before
    assert (told, journal(doors)) == ([], [])


def test_there_must_be_something_to_extend_and_it_is_never_shortened(doors: Door, told: list[str]) -> None:
    with pytest.raises(services.LongerAlready):
        services.extend(TELLER, doors.place.public_id, days=1, reason="because")
    change(doors, trial_ends_at=None, status="active")
    with pytest.raises(services.NothingToExtend):
        services.extend(TELLER, doors.place.public_id, days=7, reason="because")
    with pytest.raises(NotFound):
        services.extend(TELLER, "0" * 20, days=7, reason="because")
    assert told == []


def test_a_grant_takes_the_place_of_the_one_before(doors: Door, told: list[str]) -> None:
    first = services.grant(TELLER, doors.place.public_id, metric="contacts", value=9_000, until=None, reason="a promise")
    second = services.grant(TELLER, doors.place.public_id, metric="contacts", value=None, until=clock.now() + timedelta(days=3), reason="another")
    with sides.control_unit():
        assert Override.objects.get(pk=first.pk).ended_at is not None
        assert [one.pk for one in queries.whole(doors.place.public_id).overrides] == [second.pk]
        assert BillingAccount.objects.filter(workspace=doors.workspace).count() == 1
    services.end_grant(ADMIN, doors.place.public_id, pk=second.pk, reason="over")
    assert [entry.name for entry in journal(doors)] == ["override.granted", "override.granted", "override.ended"]
    assert len(told) == 3
    with pytest.raises(NotFound):
        services.end_grant(ADMIN, doors.place.public_id, pk=second.pk, reason="again")


@pytest.mark.parametrize(
    "given", [{"metric": "money"}, {"value": -1}, {"metric": "mailings", "value": 2}, {"metric": "mailings", "value": None}, {"until": clock.now() - timedelta(days=1)}, {"reason": ""}]
)
def test_a_grant_is_refused(doors: Door, told: list[str], given: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        services.grant(TELLER, doors.place.public_id, **{"metric": "contacts", "value": 5, "until": None, "reason": "because", **given})
    with sides.control_unit():
        assert not Override.objects.filter(workspace=doors.workspace).exists()
    assert told == []


def test_a_grant_of_one_workspace_is_not_ended_through_another(doors: Door, session_workspace: Any, told: list[str]) -> None:
    made = services.grant(TELLER, doors.place.public_id, metric="contacts", value=1, until=None, reason="because")
    with pytest.raises(NotFound):
        services.end_grant(TELLER, session_workspace.public_id, pk=made.pk, reason="because")


def test_who_only_looks_does_nothing(doors: Door, told: list[str]) -> None:
    for verb in (
        lambda: services.extend(LOOKER, doors.place.public_id, days=7, reason="because"),
        lambda: services.grant(LOOKER, doors.place.public_id, metric="contacts", value=1, until=None, reason="because"),
        lambda: services.end_grant(LOOKER, doors.place.public_id, pk=1, reason="because"),
        lambda: services.make_coupon(LOOKER, code="LOOK", percent_bp=100, duration="once"),
        lambda: services.archive_coupon(LOOKER, pk=1),
    ):
        with pytest.raises(NotYourDuty):
            verb()
    assert journal(doors) == []


def test_a_coupon_is_made_once_whatever_its_case(control_side: None) -> None:
    made = services.make_coupon(TELLER, code=" spring-27 ", percent_bp=2_500, duration="repeating", months=3, plans=["team"], most=10)
    assert (made.code, made.created_by, made.redeemed) == ("SPRING-27", TELLER.signature, 0)
    assert Event.objects.get(name="coupon.made", record_id=made.pk).after == {"code": "SPRING-27", "percent_bp": 2_500, "duration": "repeating", "months": 3, "plans": ["team"], "most": 10}
    with pytest.raises(Invalid):
        services.make_coupon(TELLER, code="Spring-27", percent_bp=100, duration="once")
    services.archive_coupon(TELLER, pk=made.pk)
    with pytest.raises(NotFound):
        services.archive_coupon(TELLER, pk=made.pk)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"code": "весна"}, "code"), ({"code": ""}, "code"), ({"percent_bp": 0}, "percent_bp"), ({"percent_bp": 10_001}, "percent_bp"),
        ({"amount_minor": 5, "currency": "EUR"}, "percent_bp"), ({"percent_bp": 0, "amount_minor": 5}, "currency"), ({"percent_bp": 0, "amount_minor": 5, "currency": "XXX"}, "currency"),
        ({"duration": "repeating"}, "months"), ({"months": 3}, "months"), ({"duration": "always"}, "months"), ({"expires_at": clock.now() - timedelta(days=1)}, "expires_at"),
    ],
)  # fmt: skip
def test_a_coupon_is_refused(control_side: None, given: dict[str, Any], field: str) -> None:
    before = Coupon.objects.count()
    with pytest.raises(Invalid) as refused:
        services.make_coupon(TELLER, **{"code": "OK", "percent_bp": 1_000, "duration": "once", **given})
    assert field in refused.value.fields
    assert Coupon.objects.count() == before


def test_the_page_of_a_workspace(desk: Desk, doors: Door, told: list[str]) -> None:
    looker, teller = desk("viewer"), desk("money")
    path = f"/workspaces/{doors.place.public_id}"
    assert "More time" not in looker.get(path).content.decode()
    page = teller.get(path).content.decode()
    assert "More time" in page
    assert doors.workspace.name in page
    assert looker.post(f"{path}/extend", {"days": 30, "reason": "because"}).status_code == 403
    assert teller.post(f"{path}/extend", {"days": 30, "reason": ""}).status_code == 422
    assert teller.post(f"{path}/extend", {"days": 999, "reason": "because"}).status_code == 422
    assert told == []
    assert teller.post(f"{path}/extend", {"days": 30, "reason": "because they asked"}).status_code == 303
    assert teller.post(f"{path}/grant", {"metric": "contacts", "value": "7000", "until": "", "reason": "a promise"}).status_code == 303
    page = teller.get(path).content.decode()
    assert "because they asked" in page
    assert "7,000" in page
    with sides.control_unit():
        pk = Override.objects.get(workspace=doors.workspace).pk
    assert teller.post(f"{path}/grant/{pk}/end", {"reason": ""}).status_code == 422
    assert teller.post(f"{path}/grant/{pk}/end", {"reason": "over"}).status_code == 303
    assert teller.get("/workspaces/nobody").status_code == 404


def test_workspaces_are_found_by_name_address_number_and_mail(desk: Desk, doors: Door) -> None:
    client = desk("viewer")
    slug, number = str(doors.workspace.slug), doors.place.public_id
    for find in (slug, number, "olga@veldhuis.example", "veldhuis"):
        assert number in client.get("/workspaces", {"find": find, "rows": 100}).content.decode(), find
    assert number not in client.get("/workspaces", {"find": "nobody@veldhuis.example"}).content.decode()
    assert number in client.get("/workspaces", {"find": slug, "state": "trial", "plan": "business"}).content.decode()
    for other in ({"state": "active"}, {"state": "past_due"}, {"plan": "free"}):
        assert number not in client.get("/workspaces", {"find": slug, **other}).content.decode()


@pytest.mark.parametrize(
    ("days", "state"), [(1, "past_due"), (14, "past_due"), (15, "limited"), (44, "limited"), (45, "frozen"), (224, "frozen"), (225, "delete_scheduled")]
)
def test_the_filter_by_state_is_the_state(control_side: None, session_workspace: Any, days: int, state: str) -> None:
    Subscription.objects.filter(workspace=session_workspace).update(trial_ends_at=None, status="past_due", past_due_since=clock.now() - timedelta(days=days, minutes=1))
    from billing.console import words

    for wanted in words.STATES:
        found = session_workspace.pk in set(queries.workspaces(state=wanted).values_list("pk", flat=True))
        assert found == (wanted == state), wanted
    assert queries.rows_of(queries.workspaces(state=state).filter(pk=session_workspace.pk))[0].standing.state == state  # type: ignore[union-attr]


def test_lists_ask_the_same_with_one_and_with_three(control_side: None) -> None:
    from django.db import connections
    from django.test.utils import CaptureQueriesContext

    from tests.billing.reports.year import BEGINS, paid

    counts = []
    for more in (1, 2):
        for _one in range(more):
            paid(BEGINS, past_due_since=BEGINS, status="past_due")
        with CaptureQueriesContext(connections["control"]) as asked:
            queries.rows_of(queries.unpaid())
            queries.rows_of(queries.workspaces(find="firm", state="delete_scheduled"))
            queries.counts()
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_the_first_page_the_queue_and_the_journal(desk: Desk, doors: Door) -> None:
    client = desk("viewer")
    change(doors, trial_ends_at=None, status="past_due", past_due_since=clock.now() - timedelta(days=400))
    for path in ("/", "/unpaid", "/journal", "/workspaces", "/plans", "/plans/team", "/coupons", "/revenue", "/revenue/cohorts"):
        assert client.get(path).status_code == 200, path
    assert doors.place.public_id in client.get("/unpaid").content.decode()
    assert doors.place.public_id in client.get("/").content.decode()
    assert "operator.added" in client.get("/journal").content.decode()
    change(doors, past_due_since=None, status="none")


def test_coupons_on_their_page(desk: Desk) -> None:
    looker, teller = desk("viewer"), desk("money")
    given = {"code": "page-10", "percent": "10", "duration": "once"}
    assert looker.post("/coupons", given).status_code == 403
    assert teller.post("/coupons", {**given, "percent": ""}).status_code == 422
    without = teller.post("/coupons", {**given, "percent": "", "amount": "10"})
    assert (without.status_code, "An amount needs its currency." in without.content.decode(), "Either a percentage" in without.content.decode()) == (422, True, False)
    assert teller.post("/coupons", given).status_code == 303
    with sides.control_unit():
        coupon = Coupon.objects.get(code="PAGE-10")
        assert coupon.percent_bp == 1_000
    assert "PAGE-10" in looker.get("/coupons").content.decode()
    assert teller.post(f"/coupons/{coupon.pk}/archive").status_code == 303
    with sides.control_unit():
        Coupon.objects.filter(pk=coupon.pk).delete()


def test_a_coupon_is_given_to_a_workspace_once(doors: Door, told: list[str]) -> None:
    code = f"GIFT-{doors.workspace.pk}"
    with sides.control_unit():
        services.make_coupon(TELLER, code=code, percent_bp=1_000, duration="forever")
    with pytest.raises(NotYourDuty):
        services.give_coupon(LOOKER, doors.place.public_id, code=code, reason="because", operation="gift-0")
    with pytest.raises(Invalid):
        services.give_coupon(TELLER, doors.place.public_id, code="nothing-such", reason="because", operation="gift-1")
    for _twice in range(2):
        assert services.give_coupon(TELLER, doors.place.public_id, code=f" {code.lower()} ", reason="they waited for us", operation=f"gift-{doors.workspace.pk}") == code
    with sides.control_unit():
        assert Coupon.objects.get(code=code).redeemed == 1
        assert [one.coupon.code for one in queries.whole(doors.place.public_id).redemptions] == [code]
    assert [entry.reason for entry in journal(doors) if entry.name == "coupon.given"] == ["they waited for us"]


def test_a_coupon_is_given_on_the_page(desk: Desk, doors: Door, told: list[str]) -> None:
    looker, teller = desk("viewer"), desk("money")
    path = f"/workspaces/{doors.place.public_id}/coupon"
    given = {"code": "nothing-such", "reason": "because", "operation": "page-gift"}
    assert looker.post(path, given).status_code == 403
    answer = teller.post(path, given)
    assert answer.status_code == 422
    assert "nothing-such" in answer.content.decode()
