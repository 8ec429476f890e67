"""On which day what is written: pure functions of moments, of what was taken before, and of now.

| Step | Day |
|---|---|
| `trial_14`, `trial_18`, `trial_20`, `trial_end` | 7, 3 and 1 days before a trial's end, and on it |
| `past_due`, `remind_3`, `remind_7`, `warn_10` | 0, 3, 7, 10 of an unpaid bill; the last names the date |
| `limited`, `remind_30`, `frozen` | 15, 30, 45 |
| `erase_30`, `erase_7`, `erase_1` | 30, 7 and 1 days before the erasure, to all owners |

The erasure is on day 255, and never before each of its three notices has had its days: whatever stood still meanwhile, our
workers or the provider, shortens nobody's notice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from tenants.lifecycle.billing_state import ERASED_FROM, FROZEN_FROM, LIMITED_FROM, Facts, promised, standing

if TYPE_CHECKING:
    from billing.models import Subscription

TRIAL_STEPS = {"trial_14": 7, "trial_18": 3, "trial_20": 1, "trial_end": 0}
REMINDERS = {"past_due": 0, "remind_3": 3, "remind_7": 7, "warn_10": 10, "limited": LIMITED_FROM, "remind_30": 30, "frozen": FROZEN_FROM}
NOTICES = {"erase_30": 30, "erase_7": 7, "erase_1": 1}


class Taken(Protocol):
    """A step that was taken: a row of `DunningStep`."""

    since: datetime
    step: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be written now (""  for nothing), and the steps whose time is over."""

    since: datetime
    step: str
    passed: tuple[str, ...] = ()


def began(subscription: Subscription) -> datetime:
    """From when a workspace's trial is counted: it has one, so a longer one does not bring the same letters again."""
    return subscription.workspace.claimed_at or subscription.workspace.created_at


def due(facts: Facts, taken: Iterable[Taken], *, now: datetime, began: datetime) -> Due | None:
    """The latest step whose day has come; None where there is none."""
    if facts.erased_at is not None:
        return None
    if facts.past_due_since is not None:
        return _unpaid(facts.past_due_since, facts, taken, now)
    if facts.trial_ends_at is not None:
        return _latest(began, {step: facts.trial_ends_at - timedelta(days=days) for step, days in TRIAL_STEPS.items()}, _of(taken, began), now)
    return None


def erases_at(since: datetime, taken: Iterable[Taken]) -> datetime | None:
    """When an unpaid workspace is erased: None until the first of its notices is written."""
    times = _of(taken, since)
    if "erase_30" not in times:
        return None
    given = [times[step] + timedelta(days=days) for step, days in NOTICES.items() if step in times]
    return max(since + timedelta(days=ERASED_FROM), *given)


def may_be_erased(facts: Facts, taken: Iterable[Taken], *, now: datetime) -> bool:
    """Whether its time is over, all three notices are written, and each has had its days."""
    since, taken = facts.past_due_since, list(taken)
    if since is None or facts.erased_at is not None or promised(facts, now=now) or any(step not in _of(taken, since) for step in NOTICES):
        return False
    date = erases_at(since, taken)
    return date is not None and now >= date


def next_look(facts: Facts, taken: Iterable[Taken], *, now: datetime, began: datetime) -> datetime | None:
    """When something changes by itself, or a letter is due; at once where one is due already. None: only people change it."""
    if facts.erased_at is not None:
        return None
    taken = list(taken)
    if due(facts, taken, now=now, began=began) is not None and not (facts.past_due_since is not None and promised(facts, now=now)):
        return now
    moments = [standing(facts, now=now).changes_at, facts.ends_at, facts.promised_until, facts.extended_until]
    if facts.past_due_since is not None:
        moments += _reminders(facts.past_due_since).values()
        moments += _notices(facts.past_due_since, taken).values()
        moments.append(erases_at(facts.past_due_since, taken))
    elif facts.trial_ends_at is not None:
        moments += [facts.trial_ends_at - timedelta(days=days) for days in TRIAL_STEPS.values()]
    return min((moment for moment in moments if moment is not None and moment > now), default=None)


def to_come(facts: Facts, taken: Iterable[Taken], *, now: datetime, began: datetime) -> list[tuple[str, datetime]]:
    """The steps that are still to be taken with their days, in order, the erasure at the end; those whose day has come are due now. A promise only holds them back."""
    if facts.erased_at is not None:
        return []
    taken, since = list(taken), facts.past_due_since
    if since is None:
        moments = {} if facts.trial_ends_at is None else {step: facts.trial_ends_at - timedelta(days=days) for step, days in TRIAL_STEPS.items()}
        times = _of(taken, began)
    else:
        times = _of(taken, since)
        date = erases_at(since, taken) or since + timedelta(days=ERASED_FROM)
        moments = {**_reminders(since), **{step: date - timedelta(days=days) for step, days in NOTICES.items()}, "erase": date}
    last = max((list(moments).index(step) for step in times if step in moments), default=-1)
    return [(step, max(moment, now)) for place, (step, moment) in enumerate(moments.items()) if place > last]


def _unpaid(since: datetime, facts: Facts, taken: Iterable[Taken], now: datetime) -> Due | None:
    taken = list(taken)
    times = _of(taken, since)
    if "past_due" in times and promised(facts, now=now):
        return None  # who has promised is not reminded; what fell into these days is passed over afterwards
    for step, moment in _notices(since, taken).items():
        if step not in times and now >= moment:
            earlier = [name for name in REMINDERS if name not in times]
            return Due(since, step, tuple(earlier))
    if "erase_30" in times:
        return None
    return _latest(since, _reminders(since), times, now)


def _latest(since: datetime, moments: Mapping[str, datetime], times: Mapping[str, datetime], now: datetime) -> Due | None:
    come = [step for step, moment in moments.items() if now >= moment]
    if not come or come[-1] in times:
        return None
    return Due(since, come[-1], tuple(step for step in come[:-1] if step not in times))


def _reminders(since: datetime) -> dict[str, datetime]:
    return {step: since + timedelta(days=days) for step, days in REMINDERS.items()}


def _notices(since: datetime, taken: Iterable[Taken]) -> dict[str, datetime]:
    date = erases_at(since, taken)
    if date is None:
        return {"erase_30": since + timedelta(days=ERASED_FROM - NOTICES["erase_30"])}
    return {step: date - timedelta(days=days) for step, days in NOTICES.items()}


def _of(taken: Iterable[Taken], since: datetime) -> dict[str, datetime]:
    return {row.step: row.at for row in taken if row.since == since}
