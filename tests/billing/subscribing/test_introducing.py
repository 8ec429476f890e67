"""Who pays changes after the purchase: the provider hears of it, each time, with the tax number that is right now and no other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from billing.models import BillingAccount
from billing.providers import reconciling
from billing.providers.models import OpState, ProviderOp
from billing.providers.protocol import ProviderUnavailable
from billing.subscribing import introducing, paying
from crm_platform.db import sides
from tests.billing.buying import Firm
from tests.billing.providers.conftest import work

from .test_first_bill import Shopper, shopper  # noqa: F401 (a fixture)

NEW = {"name": "New Company BV", "country": "NL", "address": "Street 1", "tax_id": "NL123456789B01"}


def known(firm: Firm) -> tuple[str, str, str, str]:
    [customer] = firm.provider.books.customers.values()
    return (customer.payer.name, customer.payer.country, customer.payer.address, customer.payer.tax_id)


def drift(firm: Firm, *, fix: bool = False) -> list[Any]:
    return [one for one in reconciling.reconcile_account(firm.account().pk, fix=fix) if one.subject.endswith(":payer")]


def test_another_company_and_back_again_is_told_each_time(firm: Firm) -> None:
    first = paying.add_payer(firm.place, {"name": "Veldhuis", "country": "DE"}, actor=firm.owner)
    firm.buy()
    second = paying.add_payer(firm.place, NEW, actor=firm.owner)
    for company, told in ((second, ("New Company BV", "NL", "Street 1", "NL123456789B01")), (first, ("Veldhuis", "DE", "", "")), (second, ("New Company BV", "NL", "Street 1", "NL123456789B01"))):
        paying.make_main(firm.place, company, actor=firm.owner)
        work()
        assert (known(firm), drift(firm)) == (told, [])
    paying.change_payer(firm.place, second, {**NEW, "address": "Street 2"}, actor=firm.owner)
    work()
    assert known(firm)[2] == "Street 2"


@pytest.mark.parametrize("do", [lambda firm, pk: paying.archive_payer(firm.place, pk, actor=firm.owner), lambda firm, pk: paying.set_contacts(firm.place, [{"email": "b@ooks.example"}], actor=firm.owner)], ids=["no company", "who reads it"])
def test_what_else_changes_who_pays_is_told(firm: Firm, do: Callable[[Firm, int], None]) -> None:
    company = paying.add_payer(firm.place, NEW, actor=firm.owner)
    firm.buy()
    do(firm, company)
    work()
    [customer] = firm.provider.books.customers.values()
    assert (customer.payer.name, customer.payer.email) in (("Atelier Veldhuis", "olga@veldhuis.example"), ("New Company BV", "b@ooks.example"))


def test_while_the_provider_is_down_the_news_wait_and_an_older_word_is_dropped(firm: Firm) -> None:
    firm.buy()
    account, place = firm.account(), firm.place
    paying.add_payer(place, {"name": "Lost", "country": "NL"}, actor=firm.owner)
    firm.provider.down = True
    with pytest.raises(ProviderUnavailable):
        introducing.tell(place, account, firm.provider)
    firm.provider.down = False
    [company] = paying.payers(place)
    paying.change_payer(place, company.pk, NEW, actor=firm.owner)
    work()
    assert known(firm)[0] == "New Company BV"
    with sides.control_unit():
        assert not ProviderOp.objects.filter(account=account, state=OpState.ASKED).exists()


def test_what_was_edited_there_is_seen_and_told_anew_by_the_nightly_look(firm: Firm) -> None:
    paying.add_payer(firm.place, NEW, actor=firm.owner)
    firm.buy()
    work()
    [customer] = firm.provider.books.customers.values()
    for _time in range(2):
        customer.payer = replace(customer.payer, name="Somebody else", tax_id="")
        [found] = drift(firm, fix=True)
        assert found.facts["payer"] == {"name": {"ours": "New Company BV", "theirs": "Somebody else"}, "tax_id": {"ours": "NL123456789B01", "theirs": ""}}
        work()
        assert (known(firm)[0], drift(firm)) == ("New Company BV", [])


def test_a_tax_number_that_comes_changes_and_goes_at_the_service(shopper: Shopper) -> None:  # noqa: F811
    place = shopper.door.place
    company = paying.add_payer(place, {"name": "Tischlerei", "country": "DE"}, actor=shopper.owner)
    shopper.buy(shopper.target({"plan": "team", "seats": "5", "currency": "EUR", "interval": "month"}))
    with sides.control_unit():
        account = BillingAccount.objects.get(workspace=shopper.door.workspace)
    for country, numbers in (("DE", ["DE123456789"]), ("NL", ["NL123456789B01"]), ("DE", ["DE123456789"]), ("DE", [])):
        paying.change_payer(place, company, {"name": "Tischlerei", "country": country, "tax_id": numbers[0] if numbers else ""}, actor=shopper.owner)
        work()
        held = shopper.rig.provider.client.v1.customers.tax_ids.list(account.external_id).data
        assert ([one.value for one in held], shopper.rig.standin.world.store.get("customer", account.external_id)["address"]["country"]) == (numbers, country)
        assert reconciling.reconcile_account(account.pk, fix=False) == []
    paying.change_payer(place, company, {"name": "Tischlerei", "country": "DE", "tax_id": "DE1"}, actor=shopper.owner)
    work()
    [found] = reconciling.reconcile_account(account.pk, fix=False)
    assert found.facts["payer"] == {"tax_id": {"ours": "DE1", "theirs": ""}}


def test_a_customer_that_is_gone_there_is_made_anew(firm: Firm) -> None:
    firm.buy()
    [customer] = firm.provider.books.customers.values()
    customer.deleted = True
    for row in firm.provider.books.subscriptions.values():
        row.status = "canceled"
    firm.look()
    assert firm.account().external_id == ""
    firm.buy()
    assert (firm.account().external_id not in ("", customer.id), firm.row().plan.code) == (True, "team")

