"""Bought in the trial, never paid: reading only, frozen, its erasure announced; then paid, and everything is as it was, with the leads that came meanwhile."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.browser.conftest import ROOT, Run, clean_environment

from .walking import Walk, waited

pytestmark = pytest.mark.live
ONLY_OWNERS = "closed to all but its owners"


def leads(walk: Walk, *names: str) -> dict[str, int]:
    """Leads come from outside; how many wait under seal, and how many are opened."""
    servers = json.loads((walk.run.data / "running.json").read_text())
    environment = clean_environment() | servers | {"DJANGO_SETTINGS_MODULE": "crm_platform.config.settings.production", "CRM_LOG_LEVEL": "CRITICAL"}
    done = subprocess.run([sys.executable, "-m", "tests.billing.live.leads", walk.slug, *names], capture_output=True, text=True, env=environment, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_frozen_and_back(run: Run, browser: Any) -> None:
    walk = Walk(run, browser, firm="Drukkerij Noord", slug="drukkerij-noord")
    run.crm("seed-workspace", "--workspace", walk.slug, "--contacts", "300", "--companies", "20", "--deals", "60", "--activities", "50")
    _bought_in_the_trial(walk)
    anna = walk.colleague("anna")
    _never_paid(walk)
    _frozen(walk, anna)
    _announced(walk)
    _paid_back(walk, anna)
    assert run.crm("billing-reconcile")["drift"] == []


def _bought_in_the_trial(walk: Walk) -> None:
    walk.invite("anna")
    assert "Nothing is charged now: the plan holds from today, and its first bill comes on" in walk.choose("team", seats=2)
    walk.press("Pay by card")
    walk.pay("pm_card_chargeCustomerFail")
    walk.page.wait_for_url(f"{walk.home}/settings/plan")
    assert "Everything works. The next bill comes on" in walk.text()
    walk.until(state="active", plan="team", bought=2, used=2)
    walk.mailed("Confirm your e-mail")
    walk.step("bought in the trial", "/settings/plan", "/settings/plan/invoices")


def _never_paid(walk: Walk) -> None:
    """The trial's end brings the first bill, which no try pays."""
    walk.later("22d")
    walk.until(state="past_due", access="full")
    walk.mailed("did not go through")
    walk.later("9d")
    walk.until(state="past_due")
    walk.mailed("is still open")
    walk.later("15d")
    walk.until(state="limited", access="read")
    walk.mailed("can be read only from today")
    walk.step("reading only", "/settings/plan", "/settings/plan/invoices")


def _frozen(walk: Walk, anna: Any) -> None:
    """Only owners come in; what comes from outside is taken and sealed."""
    walk.later("22d")
    walk.until(state="frozen", access="owner")
    walk.mailed("is frozen")
    assert ONLY_OWNERS in walk.everything("/board")
    assert anna.goto(f"{walk.home}/board").status == 403
    assert "Only an owner can come in at present" in anna.inner_text("body")
    walk.shot("seller-outside", page=anna)
    assert leads(walk, "Ines", "Joost") == {"waiting": 2, "opened": 0}
    walk.step("frozen", "/settings/plan", "/settings/plan/invoices", "/board", "/settings/archives")


def _announced(walk: Walk) -> None:
    """Day 225 and after: each notice once, to the owners, with the way to an archive; one bill is owed, not one for each month outside."""
    walk.later("179d")
    walk.until(state="delete_scheduled", access="owner")
    [letter] = walk.mailed("will be erased in 30 days")
    assert f"{walk.home}/settings/archives" in letter["text"]
    walk.later("23d")
    walk.mailed("will be erased in 7 days")
    assert leads(walk, "Kees") == {"waiting": 3, "opened": 0}
    assert "is erased, unless the bill is paid before" in walk.go("/settings/plan")
    assert "To pay €38" in walk.text()
    walk.step("announced", "/settings/plan", "/board")


def _days_left(walk: Walk) -> float:
    """Days until the next bill, as the payment service says."""
    looked = walk.run.crm("billing-sync", "--workspace", walk.slug)
    ends, now = (datetime.fromisoformat(moment) for moment in (looked["period_end"], walk.state()["now"]))
    return (ends - now) / timedelta(days=1)


def _paid_back(walk: Walk, anna: Any) -> None:
    assert "Once it is paid, a new period begins on that day and is billed" in walk.go("/settings/plan")
    walk.press("Pay €38")
    walk.press("Open the bill")
    walk.shot("the-bill")
    walk.pay("pm_card_visa", words="Pay")
    walk.until(state="active", access="full", plan="team", bought=2, used=2, past_due_since=None)
    walk.mailed("has paid €38")
    waited(lambda: _days_left(walk) > 27)  # no period for nothing: one begins on the day of the payment, and is billed
    walk.until(state="active", past_due_since=None)  # by the card that paid, not by the one that failed
    waited(lambda: leads(walk) == {"waiting": 0, "opened": 3})
    anna.goto(f"{walk.home}/board")
    assert "New enquiry" in anna.inner_text("main")
    assert ONLY_OWNERS not in walk.everything("/board")
    walk.step("paid back", "/settings/plan", "/settings/plan/invoices", "/board", "/settings/journal")
