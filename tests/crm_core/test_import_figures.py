"""Figures of a file: read as they are meant, or refused; never another figure."""

from __future__ import annotations

from decimal import Decimal

import pytest

from crm_core.groundwork.imports import currencies, recognising, seeing, services, showing
from crm_core.groundwork.imports.models import ImportRow
from crm_core.sales.deals.models import Deal
from tests.crm_core.test_imports import ROBOT, bring_in


@pytest.mark.parametrize("sign", [".", ","])
@pytest.mark.parametrize(("text", "figure"), [("1.5E6", "1500000"), ("1,5E6", "1500000"), ("1.5E+06", "1500000"), ("-1.5e6 EUR", "-1500000"), ("1e9", "1000000000"), ("1.234E3", "1234"), ("15E-1", "1.5")])
def test_figures_with_a_power_of_ten(text, sign, figure) -> None:
    read = recognising.read_number(text, sign)
    assert read == Decimal(figure)
    assert "E" not in str(read)
    assert recognising.looks_like_figure(text)


@pytest.mark.parametrize("text", ["5k", "2.5m", "1 млн", "12abc", "10%", "10 ‰", "1 млн руб", "12 pcs", "5 kEUR", "1.234,5E3", "2 450 EUR (incl. 21% VAT)", "12/5", "10:30", "1O0", "x12", "Canadian 5"])
def test_what_says_more_than_a_figure_is_none(text) -> None:
    for sign in ".,":
        assert recognising.read_number(text, sign) is None


@pytest.mark.parametrize("text", ["1 234 руб.", "US$ 1,234", "1234 US dollars", "€1.234,-", "1'234 CHF", "1234 сўм", "1234 so'm", "1,234 SEK", "1234 kr", "$ 1234.00"])
def test_a_currency_beside_a_figure_is_no_letter_of_it(text) -> None:
    sign = "," if "1.234" in text else "."
    assert recognising.read_number(text, sign) == 1234
    assert not currencies.strange(currencies.apart(text)[1])


def test_the_decimal_sign_is_not_taken_from_powers_or_from_what_is_no_figure() -> None:
    assert recognising.decimal_sign(["1.23E4"]) == (".", True)
    assert recognising.decimal_sign(["1,23E4", "2"]) == (",", True)
    assert recognising.decimal_sign(["1.5 of 2.25"]) == (".", False)


def test_a_row_with_such_a_figure_is_an_error_and_the_preview_says_so(doors) -> None:
    content = "Deal,Amount,Id\nOne,1.5E6,A1\nTwo,5k,A2\nThree,12.50,A3\nFour,1 млн,A4\nFive,1E40,A5\nSix,1E20,A6\n"
    with doors.unit():
        before = services.upload(ROBOT, name="list.csv", chunks=[content.encode()], kind="deals")
        shown = list(showing.rows(before, seeing.columns(before, ROBOT)))
    assert [bool(row.wrong) for row in shown[:4]] == [False, True, False, True]
    assert ("5k", True) in [(cell.text, cell.figure) for cell in shown[1].cells]
    run = bring_in(doors, content, kind="deals")
    with doors.unit():
        assert {deal.name: deal.sum_minor for deal in Deal.objects.all()} == {"One": 1_500_000_00, "Three": 12_50}
        reasons = dict(ImportRow.objects.filter(run=run).values_list("number", "reason"))
    assert list(reasons) == [3, 5, 6, 7]
    assert "“5k” is not a number" in reasons[3]


def test_per_cents_stand_in_a_column_of_per_cents(doors) -> None:
    run = bring_in(doors, "Deal,Product,Price of the product,Product discount percent\nOne,Shelf,100,10 %\nTwo,Shelf,10 %,10\n", kind="deals")
    with doors.unit():
        assert [line.discount for line in Deal.objects.get().lines.all()] == [10]
    assert run.totals["errors"] == 1
