"""A firm's whole life by card, in the running product: trial, Team by 3-D Secure, a sixth seat, a declined renewal, reading only, paid, a smaller plan, cancelled, Free, and back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import Run

from .walking import Walk

pytestmark = pytest.mark.live
BANNER = "A bill is not paid yet"
CLOSED = "can be read and exported, not changed"


def test_a_life_by_card(run: Run, browser: Any) -> None:
    walk = Walk(run, browser, firm="Bakkerij De Ochtend", slug="bakkerij-de-ochtend")
    run.crm("seed-workspace", "--workspace", walk.slug, "--contacts", "25300", "--companies", "200", "--deals", "400", "--activities", "300")
    _trial(walk)
    _bought(walk)
    _sixth_seat(walk)
    anna, dora = walk.colleague("anna"), walk.colleague("dora")
    _declined(walk, anna)
    _limited(walk, anna)
    _paid(walk)
    _smaller(walk)
    _who_stays(walk, dora)
    _cancelled(walk)
    _bought_again(walk, dora)
    assert run.crm("billing-reconcile")["drift"] == []


def _trial(walk: Walk) -> None:
    walk.invite("anna", "bram", "cees", "dora")
    walk.until(state="trial", access="full", plan="business", bought=10, used=5)
    assert "You have everything of Business until" in walk.go("/settings/plan")
    walk.mailed("Confirm your e-mail")
    walk.step("trial", "/settings/plan", "/settings/plan/compare")


def _bought(walk: Walk) -> None:
    """A card whose bank asks: refused there first, then approved."""
    assert "There is more" not in walk.choose("team", seats=5, begin=True)
    assert "To pay now €95" in walk.text()
    walk.shot("chosen")
    walk.press("Pay by card")
    walk.pay("pm_card_threeDSecure2Required")
    walk.shot("bank-asks")
    walk.press("Refuse", within="body")
    assert walk.state()["state"] == "trial"
    walk.pay("pm_card_threeDSecure2Required")
    walk.press("Approve", within="body")
    walk.page.wait_for_url(f"{walk.home}/settings/plan")
    assert "Everything works. The next bill comes on" in walk.text()
    walk.until(state="active", plan="team", bought=5, used=5)
    walk.mailed("has paid €95")
    walk.step("bought", "/settings/plan", "/settings/plan/seats", "/settings/plan/invoices")


def _sixth_seat(walk: Walk) -> None:
    """Shown to the cent, then charged; this card's bank asks each time, so the seat waits for its answer."""
    walk.go("/settings/plan/seats/change?way=more&count=1")
    walk.page.wait_for_selector("#cost :text('To pay now')")
    shown = walk.page.inner_text("#cost [data-total=now]")
    walk.shot("sixth-seat")
    walk.press("Add 1 seat")
    assert "/i/" in walk.page.url
    assert walk.state()["seats"] == {"bought": 5, "used": 5, "pending": 1}  # it waits for the bank
    assert "wait for their payment" in walk.go("/settings/plan/seats")
    walk.shot("sixth-waits")
    walk.press("Pay for them")
    assert "/i/" in walk.page.url
    walk.press("Pay", within="body", exactly=True)
    walk.press("Approve", within="body")
    walk.until(state="active", bought=6, used=5)
    walk.mailed(f"has paid {shown}")
    walk.invite("elin")
    walk.until(used=6)
    walk.step("six seats", "/settings/plan", "/settings/plan/seats")


def _declined(walk: Walk, anna: Any) -> None:
    """The renewal is declined: all works, and only who can pay is told so."""
    walk.payments("payments", decline="insufficient_funds", count=40)
    walk.later("32d")
    found = walk.until(state="past_due", access="full")
    assert found["past_due_since"]
    [letter] = walk.mailed("did not go through")
    assert "Amount due: €114" in letter["text"]
    assert "payments.localhost" in letter["text"]
    assert BANNER in walk.everything("/board")
    text = walk.go("/settings/plan")
    assert "To pay €114" in text
    assert "They wait for their payment" not in text
    anna.goto(f"{walk.home}/board")
    assert BANNER not in anna.inner_text("body")
    walk.step("past due", "/board", "/settings/plan", "/settings/plan/invoices")


def _limited(walk: Walk, anna: Any) -> None:
    walk.later("15d")
    walk.until(state="limited", access="read")
    walk.mailed("can be read only from today")
    assert CLOSED in walk.everything("/board")
    anna.goto(f"{walk.home}/board")
    assert CLOSED in anna.inner_text("body")
    walk.shot("seller-reads", page=anna)
    assert "At present this can be read, not changed" in walk.go("/deals/new")
    walk.step("limited", "/deals/new", "/settings/plan")


def _paid(walk: Walk) -> None:
    """Another card is named in the portal, then the bill is paid from the page of invoices."""
    walk.payments("clear")
    walk.go("/settings/plan")
    walk.press("Change the card")
    walk.pay("pm_card_visa", words="Keep this card")
    walk.press("Back to the shop", within="body")
    walk.press("Pay €114")
    walk.shot("open-bill")
    walk.press("Pay now")
    walk.page.wait_for_url(f"{walk.home}/settings/plan")
    walk.until(state="active", access="full", bought=6)
    assert "Visa ending in 4242" in walk.text()
    walk.mailed("has paid €114")
    walk.step("paid", "/settings/plan", "/board")


def _smaller(walk: Walk) -> None:
    """Start with three seats, from the period's end: more contacts and more people than it holds, and all of it stays."""
    told = walk.choose("start", seats=3)
    assert "3 people without a seat; Contacts and companies: 25,500 of 25,000" in told
    assert "Nothing is charged now. The change comes on" in told
    walk.shot("smaller")
    walk.press("Change at the end of the period")
    assert "Start, seats: 3, paid monthly." in walk.go("/settings/plan")
    walk.until(state="active", plan="team", bought=6)
    walk.later("16d")
    walk.until(state="over_limit", access="full", plan="start", bought=3, used=6)
    walk.mailed("has paid €27", "Contacts and companies: the limit", "Seats: the limit")
    assert "Contacts and companies: 25,500 of 25,000; Seats: 6 of 3" in walk.go("/settings/plan")
    walk.step("smaller", "/settings/plan", "/settings/plan/seats", "/contacts")


def _who_stays(walk: Walk, dora: Any) -> None:
    walk.go("/settings/plan/seats")
    walk.press("Choose who stays")
    for name, stays in (("anna", True), ("bram", True), ("cees", False), ("dora", False), ("elin", False)):
        walk.page.set_checked(f"label:has-text('{name}') input", stays)
    walk.shot("who-stays")
    walk.press("These stay")
    walk.until(used=3)
    assert walk.page.locator("td:has-text('Left without a seat')").count() == 3
    dora.goto(f"{walk.home}/board")
    assert "There is no seat for you at present" in dora.inner_text("body")
    walk.shot("no-seat", page=dora)
    walk.step("three stay", "/settings/plan/seats", "/settings/people")


def _cancelled(walk: Walk) -> None:
    """To the period's end all works; then the workspace is on Free, over its limits, and nothing is lost."""
    assert "Contacts and companies: 25,500 of 5,000" in walk.go("/settings/plan/cancel")
    walk.shot("cancel")
    walk.press("Cancel on")
    found = walk.until(state="over_limit", plan="start", bought=3)
    assert found["next_change_at"]
    assert "Cancelled. Everything works until" in walk.go("/settings/plan")
    walk.shot("cancelled")
    walk.later("32d")
    walk.until(state="over_limit", access="full", plan="free", bought=5, used=5)
    walk.mailed("Contacts and companies: the limit", "Seats: the limit")
    assert "Contacts and companies: 25,500 of 5,000" in walk.go("/settings/plan")
    walk.step("free", "/settings/plan", "/settings/plan/seats")


def _bought_again(walk: Walk, dora: Any) -> None:
    walk.choose("team", seats=6)
    walk.press("Pay by card")
    walk.pay("pm_card_visa")
    walk.page.wait_for_url(f"{walk.home}/settings/plan")
    walk.until(state="active", access="full", plan="team", bought=6, used=6)
    walk.mailed("has paid €114")
    dora.goto(f"{walk.home}/board")
    assert "New enquiry" in dora.inner_text("main")
    walk.go("/settings/plan/seats")
    assert not walk.page.locator("td:has-text('Left without a seat')").count()
    walk.step("back", "/settings/plan", "/settings/plan/seats", "/settings/plan/invoices")
