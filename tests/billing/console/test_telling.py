"""The journal of money and the reminders, as an operator reads them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from billing.console import telling, words
from billing.documents.models import Invoice, Kind, RefundState
from billing.dunning import calendar
from billing.dunning.models import DunningStep
from billing.models import MoneyEntry, SeatEntry
from billing.providers.manual_invoice.models import LineState
from tenants.lifecycle.billing_state import Facts

ROOT = Path(__file__).parents[3]
NOW = datetime(2027, 5, 1, 9, tzinfo=UTC)
_NAMES = (r'note\(\s*[\w.]+(?:\.account)?, "([a-z_.]+)"', r'MoneyEntry\.objects\.create\([^)]*?name="([a-z_.]+)"', r'doing\(place, "([a-z_.]+)"', r'_note\(operator, workspace, "([a-z_.]+)"', r'OWED, GIVEN = "([a-z.]+)", "referral')


def test_every_line_of_the_journal_is_told_in_words() -> None:
    """A name is for programs: a new one is worded before it is shown."""
    sources = [path.read_text() for path in (ROOT / "billing").rglob("*.py")]
    written = {name for text in sources for pattern in _NAMES for name in re.findall(pattern, text)}
    written |= {f"refund.{state}" for state in RefundState.values} | {f"{kind}.issued" for kind in Kind.values}
    assert {"plan.change", "seats.add", "payment.recorded", "override.granted", "refund.waiting", "referral.owed", "workspace.erased"} <= written
    assert written - set(words.MONEY) == set()
    assert set(LineState.values) == set(words.LINES)
    assert {*calendar.TRIAL_STEPS, *calendar.REMINDERS, *calendar.NOTICES, "erase"} == set(words.STEPS)


def test_what_a_line_keeps_is_a_sentence() -> None:
    after = {"plan": "team:2", "seats": 5, "add_ons": {"contacts_10k:1": 2}, "interval": "month", "status": "past_due", "past_due_since": "2027-05-01T09:00:00+00:00", "coupon": "", "payer": 3}
    told = telling.facts(after)
    assert told == "plan: Team 2; seats: 5; beside the plan: 10,000 contacts more 1 × 2; paid: a month; state: unpaid; unpaid since: 1 May 2027"
    assert telling.facts({"number": "P-1", "amount": 12_050, "over": 0, "method": "hand"}, currency="EUR") == "document: P-1; sum: €120.50; by: an operator"
    assert telling.facts({"minor": 9_500, "ceiling": 8_000, "country": "NL"}, currency="EUR") == "sum: €95; country: Netherlands; ceiling: €80"
    assert telling.facts({"code": "SPRING", "percent_bp": 1_250, "duration": "repeating"}) == "code: SPRING; discount: 12.5 %; holds for: some months"
    assert telling.facts({"seats": {"ours": 5, "theirs": 8}}) == "seats: ours 5, theirs 8"
    assert telling.facts({"seats": {"ours": None, "theirs": False}, "brand_new": "x"}) == "seats: ours ∞, theirs no; brand_new: x"


def test_a_sum_has_the_currency_of_its_document() -> None:
    rows = [MoneyEntry(name="payment.recorded", actor="provider stripe", after={"number": number, "amount": 500}) for number in ("P-1", "P-2")]
    first, second = telling.journal(rows, {"P-1": "USD"}, usual="EUR")
    assert (str(first.name), first.after, second.after, first.who) == ("Payment recorded", "document: P-1; sum: $5", "document: P-2; sum: €5", "the provider")


def test_seats_and_documents() -> None:
    rows = telling.seats([SeatEntry(change=-3, seats=5, reason="seats.remove"), SeatEntry(change=2, seats=7, reason="provider", kind="named", actor="provider stripe")])
    assert rows[1]["who"] == "the provider"
    assert [(row["change"], str(row["why"]), str(row["kind"])) for row in rows] == [("−3", "Seats given back", "named"), ("+2", "The provider said so", "named")]
    shown = telling.documents([Invoice(kind="proforma", status="open", provider="manual_invoice", series="s", total_minor=10, paid_minor=4), Invoice(kind="invoice", status="draft", provider="stripe")])
    assert [(row["paper"], row["by_transfer"], row["owed"]) for row in shown] == [(True, True, 6), (False, False, 0)]


def step(since: datetime, name: str, days: int) -> DunningStep:
    return DunningStep(since=since, step=name, at=since + timedelta(days=days), state="written", letters=2)


def test_the_reminders_that_were_written_and_will_be() -> None:
    since = NOW - timedelta(days=8)
    facts, taken = Facts(past_due_since=since), [step(since, "past_due", 0), step(since, "remind_7", 7)]
    coming = calendar.to_come(facts, taken, now=NOW, began=since)
    assert [(name, (at - since).days) for name, at in coming] == [
        ("warn_10", 10), ("limited", 15), ("remind_30", 30), ("frozen", 45), ("erase_30", 225), ("erase_7", 248), ("erase_1", 254), ("erase", 255)
    ]  # fmt: skip
    told = telling.steps(reversed(taken), coming)
    assert [str(row["name"]) for row in told][-3:] == ["What happens on day 15", "Reminder on day 7", "The payment failed"]


def test_a_late_notice_moves_the_erasure_and_a_due_step_is_due_now() -> None:
    since = NOW - timedelta(days=300)
    taken = [step(since, "frozen", 45), step(since, "erase_30", 300)]
    coming = dict(calendar.to_come(Facts(past_due_since=since), taken, now=NOW, began=since))
    assert coming["erase"] == NOW + timedelta(days=30)
    assert list(coming) == ["erase_7", "erase_1", "erase"]
    assert calendar.to_come(Facts(past_due_since=NOW - timedelta(days=4)), [], now=NOW, began=since)[0] == ("past_due", NOW)


def test_a_trials_letters_and_nothing_where_nothing_is_to_come() -> None:
    began, ends = NOW - timedelta(days=15), NOW + timedelta(days=6)
    coming = calendar.to_come(Facts(trial_ends_at=ends), [step(began, "trial_14", 14)], now=NOW, began=began)
    assert [name for name, _at in coming] == ["trial_18", "trial_20", "trial_end"]
    assert calendar.to_come(Facts(), [], now=NOW, began=began) == []
    assert calendar.to_come(Facts(past_due_since=NOW, erased_at=NOW), [], now=NOW, began=began) == []
