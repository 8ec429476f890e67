"""The ceiling that a firm sets itself: near it the page and one letter a period say so; above it nothing is bought."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from billing.models import MoneyEntry
from billing.providers import registry
from billing.providers.manual_invoice.adapter import TransferProvider
from billing.seats import buying
from billing.seats.models import SeatDay
from billing.subscribing import checkout, paying, spending
from billing.subscribing.changing import AboveCeiling
from crm_platform.db import sides
from crm_platform.kernel import clock
from crm_platform.letters.models import Letter
from tests.billing.buying import URLS, Firm, later, operation


def letters(firm: Firm) -> list[tuple[str, str]]:
    with sides.unit(firm.place):
        return list(Letter.objects.filter(subject__contains="spending ceiling").order_by("id").values_list("to", "subject"))


def test_near_the_ceiling_those_who_get_the_bills_are_told_once_a_period(firm: Firm) -> None:
    firm.buy()  # 95.00 a month
    paying.set_contacts(firm.place, [{"email": "books@veldhuis.example"}, {"email": "boss@veldhuis.example"}], actor=firm.owner)
    paying.set_spending_ceiling(firm.place, 11_900, actor=firm.owner)
    assert spending.look(firm.place) == 0  # 79 %
    paying.set_spending_ceiling(firm.place, 11_875, actor=firm.owner)
    assert spending.look(firm.place) == 2  # 80 %
    assert spending.look(firm.place) == 0
    assert [to for to, _subject in letters(firm)] == ["books@veldhuis.example", "boss@veldhuis.example"]
    assert "80 %" in letters(firm)[0][1]
    assert firm.journal().count("ceiling.near") == 1
    with later(firm.row().period_end + timedelta(hours=2)):
        firm.look()
        assert spending.look(firm.place) == 2
        assert spending.look(firm.place) == 0


def test_where_no_one_is_named_the_owners_are_told(firm: Firm) -> None:
    firm.buy()
    paying.set_spending_ceiling(firm.place, 10_000, actor=firm.owner)
    assert spending.look(firm.place) == 1
    assert [to for to, _subject in letters(firm)] == ["olga@veldhuis.example"]


def test_without_a_ceiling_or_a_plan_nobody_is_told(firm: Firm) -> None:
    paying.set_spending_ceiling(firm.place, 100, actor=firm.owner)
    assert spending.look(firm.place) == 0
    paying.set_spending_ceiling(firm.place, None, actor=firm.owner)
    firm.buy()
    assert spending.look(firm.place) == 0
    assert letters(firm) == []


def test_a_look_that_died_between_its_letters_and_its_journal_is_told_once(firm: Firm) -> None:
    firm.buy()
    paying.set_spending_ceiling(firm.place, 10_000, actor=firm.owner)
    spending.look(firm.place)
    with sides.control_unit():
        MoneyEntry.objects.filter(name="ceiling.near").delete()
    assert spending.look(firm.place) == 0
    assert len(letters(firm)) == 1
    assert firm.journal().count("ceiling.near") == 1


def test_days_of_occasional_seats_count(firm: Firm) -> None:
    firm.buy()
    buying.set_occasional_ceiling(firm.place, 10, actor=firm.owner)
    paying.set_spending_ceiling(firm.place, 12_000, actor=firm.owner)
    assert spending.look(firm.place) == 0
    with sides.unit(firm.place):
        SeatDay.objects.bulk_create([SeatDay(person=900 + n, day=clock.now().date()) for n in range(3)])
    assert spending.look(firm.place) == 1  # 95.00 and three days of 1.90


def test_what_may_be_used_by_the_day_counts_before_more_is_bought(firm: Firm) -> None:
    firm.buy()
    buying.set_occasional_ceiling(firm.place, 10, actor=firm.owner)
    paying.set_spending_ceiling(firm.place, 9_500 + 1_900 + 1_899, actor=firm.owner)
    before = firm.state()
    with pytest.raises(AboveCeiling):
        buying.add(firm.place, 1, as_of=clock.now(), actor=firm.owner, operation=operation())
    with pytest.raises(AboveCeiling):
        firm.change(plan="business")
    assert firm.state() == before
    paying.set_spending_ceiling(firm.place, 9_500 + 1_900 + 1_900, actor=firm.owner)
    assert buying.add(firm.place, 1, as_of=clock.now(), actor=firm.owner, operation=operation()).applied


def test_the_page_says_it(firm: Firm) -> None:
    client = firm.door.client()
    firm.buy()
    paying.set_spending_ceiling(firm.place, 12_000, actor=firm.owner)
    assert "of the ceiling of" not in client.get("/settings/plan").content.decode()
    paying.set_spending_ceiling(firm.place, 10_000, actor=firm.owner)
    page = client.get("/settings/plan").content.decode()
    assert "95 % of the ceiling of" in page
    assert "95 % of it" in client.get("/settings/plan/rules").content.decode()


def test_a_change_leaves_a_look_to_a_worker(firm: Firm) -> None:
    from crm_platform.jobs.models import Job

    firm.buy()
    paying.set_spending_ceiling(firm.place, 10_000, actor=firm.owner)
    account = firm.account().pk
    with sides.control_unit():
        assert Job.objects.filter(name=spending.JOB, target=account, state="waiting").count() == 1


@pytest.mark.parametrize("provider", ["stripe", "manual_invoice"])
def test_a_first_purchase_above_the_ceiling_is_refused_and_said_beforehand(firm: Firm, provider: str, settings: Any) -> None:
    settings.CRM_SELLER_NAME, settings.CRM_SELLER_BANK = "Kartoteka B.V.", "EUR: IBAN NL02 ABNA 0123 4567 89"
    open_before = checkout.begin_checkout(firm.place, firm.target(), provider="stripe", actor=firm.owner, **URLS)
    paying.set_spending_ceiling(firm.place, 10_000, actor=firm.owner)
    page = firm.door.client()
    assert "above the ceiling" not in page.get("/settings/plan/choose?plan=team&seats=5&begin=now").content.decode()
    assert "above the ceiling" in page.get("/settings/plan/choose?plan=team&seats=6&begin=now").content.decode()
    before = (firm.state(), firm.journal(), firm.account().provider)
    with registry.stand_in(TransferProvider()), pytest.raises(AboveCeiling):
        checkout.begin_checkout(firm.place, firm.target(seats="6"), provider=provider, actor=firm.owner, **URLS)
    assert (firm.state(), firm.journal(), firm.account().provider) == before
    assert firm.provider.books.checkouts[open_before.reference].state == "open"
    paying.set_spending_ceiling(firm.place, None, actor=firm.owner)
    firm.buy(seats="6")
    assert firm.row().seats == 6
