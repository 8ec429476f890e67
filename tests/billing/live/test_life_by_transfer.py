"""The same life by bank transfer: a bill with its reference, five days of work, a statement of the bank, a renewal that nobody pays, and back; the month is closed by a document."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import Run

from .walking import Walk, waited

pytestmark = pytest.mark.live
BUYER = "Meubelmakerij Vos en Dochters B.V."


def test_a_life_by_transfer(run: Run, browser: Any, tmp_path: Path) -> None:
    walk = Walk(run, browser, firm="Meubelmakerij Vos", slug="meubelmakerij-vos")
    run.crm("seed-workspace", "--workspace", walk.slug, "--contacts", "300", "--companies", "20", "--deals", "60", "--activities", "50")
    _bill(walk)
    _statement(walk, tmp_path)
    _renewal_bill(walk)
    _unpaid(walk)
    _paid(walk)
    _closed(walk)
    assert run.crm("billing-reconcile")["drift"] == []


def _reference(letter: dict[str, str]) -> str:
    return letter["text"].partition("Write on the transfer: ")[2].split()[0]


def _newest_bill(walk: Walk) -> str:
    """Its number, as the page of invoices says it."""
    walk.go("/settings/plan/invoices")
    return str(walk.page.inner_text("tbody tr:has-text('on the transfer') th"))


def _bill(walk: Walk) -> None:
    """A company to bill, a bill to pay, and a plan that works from this moment."""
    walk.go("/settings/plan/payers/new")
    walk.page.select_option("[name=country]", "NL")
    for name, text in (("name", BUYER), ("address", "Houtkade 4, 1011 AB Amsterdam")):
        walk.page.fill(f"[name={name}]", text)
    walk.press("Save")
    assert BUYER in walk.text()
    walk.choose("team", seats=2, begin=True)
    walk.press("Pay by bank transfer")
    assert "To be paid" in walk.text()
    walk.until(state="active", access="full", plan="team", bought=2, used=1)
    [letter] = [one for one in walk.mailed("Confirm your e-mail", "A bill for Meubelmakerij Vos: €38") if "bill" in one["subject"]]
    assert f"Write {_reference(letter)} on the transfer" in walk.go("/settings/plan/invoices")
    assert "IBAN" in letter["text"]
    assert walk.paper(_newest_bill(walk)).startswith(b"%PDF")
    walk.step("a bill", "/settings/plan", "/settings/plan/invoices", "/settings/plan/payers")


def _statement(walk: Walk, folder: Path) -> None:
    """Four days later the bank's statement pays it."""
    walk.later("4d")
    found = walk.until(state="active", plan="team")
    reference = walk.go("/settings/plan/invoices").partition("Write ")[2].split()[0]
    day = datetime.fromisoformat(found["now"])
    file = folder / "statement.csv"
    file.write_text(f"Date;Amount;Currency;Name;Tax id;Description;Reference\n{day:%d.%m.%Y};38,00;EUR;{BUYER};;Kartoteka {reference};NL-0001\n")
    assert walk.run.crm("billing-statement", str(file))["lines"] == {"paid": 1}
    assert walk.run.crm("billing-statement", str(file))["known_before"] == 1
    walk.mailed("has paid €38")
    walk.until(state="active", plan="team", bought=2)
    walk.step("paid by statement", "/settings/plan/invoices")


def _renewal_bill(walk: Walk) -> None:
    """Ten days ahead the next bill is there, and is told."""
    walk.later("17d")
    [letter] = walk.mailed("A bill for Meubelmakerij Vos: €38")
    assert _reference(letter) in walk.go("/settings/plan/invoices")
    assert "Everything works. The next bill comes on" in walk.go("/settings/plan")
    walk.step("the next bill", "/settings/plan", "/settings/plan/invoices")


def _unpaid(walk: Walk) -> None:
    walk.later("16d")
    walk.until(state="past_due", access="full")
    [letter] = walk.mailed("has not arrived")
    assert "no transfer for it has reached us" in letter["text"]
    assert "card" not in letter["text"]
    assert f"Write on the transfer: {_reference(letter)}" in letter["text"]
    assert "To pay €38" in walk.go("/settings/plan")
    walk.step("past due", "/settings/plan", "/settings/plan/invoices", "/board")
    walk.later("15d")
    walk.until(state="limited", access="read")
    walk.mailed("can be read only from today")
    walk.step("limited", "/settings/plan")
    walk.later("30d")
    walk.until(state="frozen", access="owner")
    walk.mailed("is frozen")
    walk.step("frozen", "/settings/plan", "/settings/plan/invoices")


def _paid(walk: Walk) -> None:
    """One bill is owed; what stood still is not asked for, and the next period begins on the day of the payment."""
    assert walk.page.locator("tbody tr:has-text('on the transfer')").count() == 1
    assert walk.run.crm("billing-pay", _newest_bill(walk), "--amount", "38.00")["status"] == "paid"
    walk.until(state="active", access="full", plan="team", bought=2)
    walk.mailed("has paid €38")
    walk.later("1h")
    walk.mailed("A bill for Meubelmakerij Vos: €38")
    walk.step("paid", "/settings/plan", "/settings/plan/invoices", "/board")
    assert walk.run.crm("billing-pay", _newest_bill(walk), "--amount", "38.00")["status"] == "paid"
    walk.mailed("has paid €38")
    walk.until(state="active", plan="team")


def _closed(walk: Walk) -> None:
    """The month is over: its closing document is there, as PDF, and no letter comes for it."""
    walk.later("20d")
    number = waited(lambda: _closing(walk))
    assert walk.paper(number).startswith(b"%PDF")
    walk.step("closed", "/settings/plan/invoices")


def _closing(walk: Walk) -> str:
    walk.go("/settings/plan/invoices")
    rows = walk.page.locator("tbody tr:has-text('Closing document') th")
    return str(rows.first.inner_text()) if rows.count() else ""
