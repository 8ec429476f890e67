"""The calculator of the price page: its total is the first bill's."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from billing import services
from billing.models import AddOnVersion
from billing.pricing import Interval
from billing.providers.fake_books import bill
from billing.site import calculator
from billing.subscribing import pricing_of, targets
from billing.subscribing.targets import BadQuantity, FreeIsNotBought
from crm_platform.db import sides
from tests.billing.buying import Firm


def total_of(page: str) -> str:
    return re.search(r'data-total><data value="([\d.]+)"', page).group(1)


def counted(public: Client, **values: str) -> str:
    return public.get("/prices", {"seats": "7", **values}).content.decode()


@pytest.mark.parametrize(
    ("values", "total"),
    [
        ({"plan": "team"}, "133.00"), ({"plan": "team", "yearly": "1"}, "1260.00"), ({"plan": "team", "seats": "25"}, "437.00"), ({}, "63.00"), ({"seats": "3"}, "0.00"),
        ({"plan": "team", "addon:contacts_10k": "2"}, "151.00"), ({"plan": "start", "addon:mailings": "1"}, "78.00"), ({"plan": "team", "addon:mailings": "1"}, "133.00"),
        ({"plan": "everyone"}, "1490.00"), ({"plan": "crew", "seats": "2"}, "76.00"), ({"plan": "team", "currency": "UZS"}, "1463000.00"), ({"plan": "free", "seats": "5", "addon:contacts_10k": "3"}, "0.00"),
    ],
)  # fmt: skip
def test_what_it_comes_to(public: Client, values: dict[str, str], total: str) -> None:
    assert total_of(counted(public, **values)) == total


@pytest.mark.parametrize("code", ["start", "team", "business", "crew", "everyone"])
@pytest.mark.parametrize("yearly", [False, True])
def test_the_total_is_the_first_bills(public: Client, code: str, yearly: bool) -> None:
    wish = {"plan": code, "seats": "13", "currency": "USD", "addon:contacts_10k": "3", "addon:runs_50k": "1", **({"yearly": "1"} if yearly else {})}
    with sides.control_unit():
        sold, packets = services.on_sale(special=True), services.add_ons()
        choice = calculator.read(wish, add_ons=packets)
        target = calculator.target_of(choice, calculator.chosen(choice, sold), packets)
    assert (target.interval, target.plan) == (Interval.YEAR if yearly else Interval.MONTH, code)
    assert total_of(counted(public, **wish)) == f"{bill(target, tax_bp=0).total / 100:.2f}"


@pytest.mark.parametrize(
    ("values", "holds", "enough"),
    [({"plan": "start", "seats": "50"}, "Start holds 15 of your 50 people.", "team"), ({"plan": "free", "seats": "6", "yearly": "1"}, "Free holds 5 of your 6 people.", "start"), ({"plan": "team", "seats": "101", "addon:storage_50": "2"}, "Team holds 100 of your 101 people.", "business")],
)  # fmt: skip
def test_a_plan_that_does_not_hold_so_many_shows_no_total_and_says_which_does(public: Client, values: dict[str, str], holds: str, enough: str) -> None:
    page = counted(public, **values)
    assert "data-total" not in page
    said = " ".join(re.search(r"data-too-many>(.*?)</p>", page, re.S).group(1).split())
    assert holds in said
    assert f"{enough.title()} holds all of them." in said
    other = public.get(re.search(r'href="(/prices\?[^"#]*)#first-bill"', page).group(1).replace("&amp;", "&")).content.decode()
    with sides.control_unit():
        sold, packets = services.on_sale(special=True), services.add_ons()
        choice = calculator.read({**values, "plan": enough}, add_ons=packets)
        target = calculator.target_of(choice, calculator.chosen(choice, sold), packets)
    assert total_of(other) == f"{bill(target, tax_bp=0).total / 100:.2f}"


def test_the_price_of_one_is_of_a_number_that_can_be_bought(public: Client) -> None:
    """Fifty on Start are not sold, so their lower price of each is not either."""
    card = re.search(r'data-plan="start">(.*?)</article>', counted(public, seats="50"), re.S).group(1)
    assert re.search(r"<b data-price>(.*?)</b>", card).group(1) == "€9"


@pytest.mark.parametrize("code", ["free", "start", "team", "business", "crew", "everyone"])
@pytest.mark.parametrize("seats", [1, 5, 6, 15, 16, 100, 101, 500])
def test_every_total_that_is_shown_can_be_bought(public: Client, firm: Firm, code: str, seats: int) -> None:
    page = counted(public, plan=code, seats=str(seats), currency="EUR")
    try:
        target = targets.target_from(firm.place, {"plan": code, "seats": str(seats), "interval": "month", "currency": "EUR", "begin": "now"})
    except FreeIsNotBought:
        assert ("data-total" in page) == (seats <= 5)
    except BadQuantity:
        assert "data-total" not in page
    else:
        assert total_of(page) == f"{pricing_of.price(firm.place, target).total / 100:.2f}"


@pytest.mark.parametrize("values", [{"seats": "-1"}, {"seats": "10" * 9}, {"plan": "gold"}, {"addon:contacts_10k": "-4"}, {"addon:contacts_10k": "9" * 12}, {"addon:mailings": "7"}, {"currency": "XAU"}, {"seats": ""}])
def test_rubbish_is_brought_to_what_can_be(public: Client, values: dict[str, str]) -> None:
    answer = public.get("/prices", {"seats": "7", **values})
    assert answer.status_code == 200
    assert float(total_of(answer.content.decode())) < 10**6


def test_only_what_changes_is_sent_to_htmx(public: Client) -> None:
    page = public.get("/prices", {"seats": "7"}, HTTP_HX_REQUEST="true").content.decode()
    assert "<html" not in page
    assert 'id="first-bill"' in page
    assert 'hx-swap-oob="true"' in page


def test_two_packets_cost_twice_as_much(public: Client) -> None:
    with sides.control_unit():
        assert {one.code for one in AddOnVersion.objects.filter(on_sale=True)} >= {"contacts_10k", "storage_50", "runs_50k", "mailings"}
    one, two = (float(total_of(counted(public, plan="team", **{"addon:storage_50": count}))) for count in "12")
    assert two - one == one - 133 == 7
