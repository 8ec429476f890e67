"""Changes of what is bought: to the cent as previewed, up now, down later, one at a time."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections

from billing.models import Act, PendingChange, PlanVersion
from billing.providers.protocol import ProviderUnavailable
from billing.subscribing import changing, life, pausing, paying, pricing_of, targets
from billing.subscribing.accounts import BillOpen, NothingBought
from billing.subscribing.acts import ChangedMeanwhile, LookAgain
from billing.subscribing.changing import AboveCeiling
from crm_platform.db import sides
from crm_platform.kernel import clock
from crm_platform.kernel.errors import Conflict, Forbidden, NotFound
from tests.billing.buying import Firm, later, operation
from tests.factories.cast import cast


def waiting(firm: Firm) -> list[str]:
    with sides.control_unit():
        return list(PendingChange.objects.filter(subscription__workspace=firm.door.workspace, state="waiting").values_list("kind", flat=True))


def test_up_is_now_and_charged_as_previewed(firm: Firm) -> None:
    firm.buy()
    before = firm.charged()
    with later(firm.row().period_start + timedelta(days=10)):
        target = targets.target_from(firm.place, {"plan": "business"})
        seen = pricing_of.preview(firm.place, target)
        changed = changing.change(firm.place, target, as_of=seen.as_of, actor=firm.owner, operation=operation())
    assert (changed.applied, firm.charged() - before, seen.next.total) == (True, seen.now.total, 5 * 3_600)
    assert (firm.row().plan.code, firm.row().seats) == ("business", 5)
    assert "plan.change_made" in firm.events()


def test_down_waits_for_the_end_and_can_be_taken_back(firm: Firm) -> None:
    firm.buy(plan="business")
    assert not firm.change(plan="team").applied
    assert (firm.row().plan.code, waiting(firm)) == ("business", ["plan"])
    changing.take_back(firm.place, "plan", actor=firm.owner, operation=operation())
    assert waiting(firm) == []
    with pytest.raises(NotFound):
        changing.take_back(firm.place, "plan", actor=firm.owner, operation=operation())
    firm.change(plan="team")
    with later(firm.row().period_end + timedelta(minutes=1)):
        firm.look()
    assert (firm.row().plan.code, waiting(firm)) == ("team", [])


def test_a_change_up_takes_the_place_of_what_waited(firm: Firm) -> None:
    firm.buy()
    firm.change(plan="start")
    firm.change(plan="business")
    assert (firm.row().plan.code, waiting(firm)) == ("business", [])
    with later(firm.row().period_end + timedelta(minutes=1)):
        firm.look()
    assert firm.row().plan.code == "business"


def test_down_at_once_gives_credit(firm: Firm) -> None:
    firm.buy(plan="business")
    charged = firm.charged()
    assert firm.change(plan="team", at_end=False).applied
    assert (firm.row().plan.code, firm.charged()) == ("team", charged)
    assert firm.account().balance_minor < 0


@pytest.mark.parametrize("coupon", ["", "HALF"])
def test_case_52_month_to_year_now_and_year_to_month_at_the_end(firm: Firm, coupon: str, codes) -> None:
    if coupon:
        codes(code="HALF", percent_bp=5_000, duration="forever")
    firm.buy(coupon=coupon)
    before, start = firm.charged(), firm.row().period_start
    with later(start + timedelta(days=15, seconds=7)):
        target = targets.target_from(firm.place, {"interval": "year"})
        seen = pricing_of.preview(firm.place, target)
        changing.change(firm.place, target, as_of=seen.as_of, actor=firm.owner, operation=operation())
        assert firm.charged() - before == seen.now.total > 0
        assert firm.row().interval == "year"
        assert firm.row().period_end == pricing_of.after(seen.as_of, target.interval, 1)
        assert not firm.change(interval="month").applied
    end = firm.row().period_end
    with later(end + timedelta(minutes=1)):
        firm.look()
        whole = pricing_of.price(firm.place, targets.present_at(firm.place)).total
    assert (firm.row().interval, whole) == ("month", 9_500 // (2 if coupon else 1))


def test_case_48_an_archived_plan_is_kept_and_its_seats_may_change(firm: Firm) -> None:
    firm.buy()
    with sides.control_unit():
        PlanVersion.objects.filter(code="team", version=1).update(on_sale=False)
    try:
        assert firm.change(seats="8").applied
        assert (firm.row().plan.version, firm.row().seats) == (1, 8)
    finally:
        with sides.control_unit():
            PlanVersion.objects.filter(code="team", version=1).update(on_sale=True)


def test_a_version_is_kept_for_24_months_though_a_newer_is_sold(firm: Firm) -> None:
    firm.buy()
    with sides.control_unit():
        old = PlanVersion.objects.get(code="team", version=1)
        new = PlanVersion.objects.create(code="team", version=2, order=old.order, limits=old.limits, features=old.features, terms=old.terms)
    try:
        assert targets.target_from(firm.place, {"seats": "6"}).version == 1
        with later(firm.row().price_kept_until + timedelta(days=1)):
            assert targets.target_from(firm.place, {"seats": "6"}).version == 2
    finally:
        with sides.control_unit():
            new.delete()


@pytest.mark.parametrize("anchor", [datetime(2027, 1, 31, 23, 59, 59, tzinfo=UTC), datetime(2028, 2, 29, tzinfo=UTC), datetime(2027, 3, 28, 0, 30, tzinfo=UTC)])
@pytest.mark.parametrize("interval", ["month", "year"])
def test_case_51_the_anchors_day_is_kept(firm: Firm, anchor: datetime, interval: str) -> None:
    with later(anchor):
        firm.buy(interval=interval)
    for _round in range(3):
        row = firm.row()
        last = row.period_end.replace(day=28) + timedelta(days=4)
        assert row.period_end.day == min(anchor.day, (last - timedelta(days=last.day)).day)
        assert row.period_end.time() == anchor.time()
        with later(row.period_end + timedelta(seconds=1)):
            firm.look()
        assert firm.row().period_start == row.period_end


def test_a_declined_change_changes_nothing(firm: Firm) -> None:
    firm.buy()
    before = firm.state()
    firm.provider.decline_next()
    changed = firm.change(plan="business")
    assert (changed.applied, changed.declined) == (False, "card_declined")
    assert firm.state() == before
    assert firm.row().past_due_since is None
    assert "plan.change_made" not in firm.events()
    assert firm.change(plan="business").applied


def test_two_administrators_at_once_make_one_change(firm: Firm) -> None:
    firm.buy()
    wanted = [targets.target_from(firm.place, {"plan": "business"}), targets.target_from(firm.place, {"seats": "9"})]
    as_of, found = clock.now(), []

    def decide(target) -> None:
        try:
            changing.change(firm.place, target, as_of=as_of, actor=firm.owner, operation=operation())
            found.append("made")
        except Conflict as error:
            found.append(error.code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=decide, args=(one,)) for one in wanted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found.count("made") == 1
    assert set(found) <= {"made", "act_under_way", "plan_changed_meanwhile"}
    assert firm.provider.calls.count("apply_change") == 1


def test_whoever_decides_by_an_older_look_is_refused(firm: Firm) -> None:
    firm.buy()
    target = targets.target_from(firm.place, {"seats": "9"})
    seen = pricing_of.preview(firm.place, target)
    firm.change(plan="business")
    before = firm.state()
    with pytest.raises(ChangedMeanwhile):
        changing.change(firm.place, target, as_of=seen.as_of, actor=firm.owner, operation=operation())
    with pytest.raises(LookAgain):
        changing.change(firm.place, target, as_of=clock.now() - timedelta(days=20), actor=firm.owner, operation=operation())
    assert firm.state() == before


def test_the_same_operation_is_done_once(firm: Firm) -> None:
    firm.buy()
    target, same = targets.target_from(firm.place, {"seats": "9"}), operation()
    as_of = clock.now()
    for _click in range(3):
        assert changing.change(firm.place, target, as_of=as_of, actor=firm.owner, operation=same).applied
    assert firm.provider.calls.count("apply_change") == 1
    assert len(firm.provider.books.charges) == 2


def test_a_lost_answer_is_charged_once(firm: Firm) -> None:
    firm.buy()
    target, same, as_of = targets.target_from(firm.place, {"seats": "9"}), operation(), clock.now()
    firm.provider.faults = ["after"]
    with pytest.raises(ProviderUnavailable):
        changing.change(firm.place, target, as_of=as_of, actor=firm.owner, operation=same)
    assert changing.change(firm.place, target, as_of=as_of, actor=firm.owner, operation=same).applied
    assert (firm.row().seats, len(firm.provider.books.charges)) == (9, 2)
    with sides.control_unit():
        assert Act.objects.get(operation=same).state == "done"


def test_more_is_not_sold_while_a_bill_is_open(firm: Firm) -> None:
    firm.buy()
    firm.provider.decline_next()
    with later(firm.row().period_end + timedelta(minutes=1)):
        firm.look()
        assert firm.row().past_due_since is not None
        before = firm.state()
        with pytest.raises(BillOpen):
            firm.change(plan="business")
        assert firm.state() == before
        assert not firm.change(plan="start").applied


def test_the_ceiling_holds(firm: Firm) -> None:
    firm.buy()
    paying.set_spending_ceiling(firm.place, 12_000, actor=firm.owner)
    before = firm.state()
    with pytest.raises(AboveCeiling, match="€120"):
        firm.change(seats="9")
    assert firm.state() == before
    assert firm.change(seats="6").applied


def test_nothing_is_changed_where_nothing_is_bought(firm: Firm) -> None:
    with pytest.raises(NothingBought):
        changing.change(firm.place, firm.target(), as_of=clock.now(), actor=firm.owner, operation=operation())
    for verb in (life.cancel, life.resume, pausing.unpause):
        with pytest.raises(NothingBought):
            verb(firm.place, actor=firm.owner, operation=operation())


def test_who_may_change(firm: Firm) -> None:
    firm.buy()
    target, before = targets.target_from(firm.place, {"seats": "9"}), firm.state()
    with sides.unit(firm.place):
        people = cast()
    for name in ("manager", "seller", "mate", "other", "viewer"):
        who = people[name]
        for verb in (
            lambda who=who: changing.change(firm.place, target, as_of=clock.now(), actor=who, operation=operation()),
            lambda who=who: life.cancel(firm.place, actor=who, operation=operation()),
            lambda who=who: pausing.pause(firm.place, 2, actor=who, operation=operation()),
            lambda who=who: life.promise(firm.place, actor=who),
            lambda who=who: paying.set_spending_ceiling(firm.place, 1, actor=who),
            lambda who=who: paying.set_contacts(firm.place, [], actor=who),
            lambda who=who: paying.add_payer(firm.place, {"name": "X", "country": "NL"}, actor=who),
        ):
            with pytest.raises(Forbidden):
                verb()
    assert firm.state() == before
