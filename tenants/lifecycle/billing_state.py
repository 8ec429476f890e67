"""The eight states of billing (market-bar 2.5, design section 6), computed from stored moments and now: never from a call to anybody.

| State | When | Access |
|---|---|---|
| `trial` | until the trial's end | everything |
| `active` | paid, or Free | everything |
| `over_limit` | more of something than the plan holds | everything; adding that thing ends by its gate |
| `past_due` | unpaid, days 0 to 14; a promise keeps it so for 7 days | everything |
| `limited` | unpaid, days 15 to 44; or a pause, up to 6 months | reading, export, tasks done |
| `frozen` | unpaid, days 45 to 224 | the owner: export, pay |
| `delete_scheduled` | unpaid, from day 225 | the owner: export, pay |
| `deleted` | erased by the keeper, from day 255 | nobody |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _


class BillingState(StrEnum):
    """In the order of strictness."""

    TRIAL = "trial"
    ACTIVE = "active"
    OVER_LIMIT = "over_limit"
    PAST_DUE = "past_due"
    LIMITED = "limited"
    FROZEN = "frozen"
    DELETE_SCHEDULED = "delete_scheduled"
    DELETED = "deleted"


LABELS = {
    BillingState.TRIAL: _("Trial"), BillingState.ACTIVE: _("Active"), BillingState.OVER_LIMIT: _("Over a limit"), BillingState.PAST_DUE: _("Payment overdue"),
    BillingState.LIMITED: _("Reading only"), BillingState.FROZEN: _("Frozen"), BillingState.DELETE_SCHEDULED: _("To be erased"), BillingState.DELETED: _("Erased"),
}  # fmt: skip
# The first day (from the moment of the first failure) of each stage of being unpaid.
LIMITED_FROM, FROZEN_FROM, SCHEDULED_FROM, ERASED_FROM = 15, 45, 225, 255
PROMISE_DAYS = 7
LONGEST_PAUSE_DAYS = 183
_STAGES = ((LIMITED_FROM, BillingState.PAST_DUE), (FROZEN_FROM, BillingState.LIMITED), (SCHEDULED_FROM, BillingState.FROZEN))


@dataclass(frozen=True, slots=True)
class Facts:
    """What is stored: moments, aware, in UTC; None where it has not happened.

    `trial_ends_at` is cleared by the first subscription; `ends_at` is when a cancelled one ends, and leads to Free. `past_due_since` is the first failure of the oldest open bill: a
    later failure does not move it. `promised_until` and `extended_until` (by the operator) hold the state at `past_due`
    until then. `paused_until` ends a pause.
    """

    trial_ends_at: datetime | None = None
    ends_at: datetime | None = None
    past_due_since: datetime | None = None
    promised_until: datetime | None = None
    extended_until: datetime | None = None
    paused_until: datetime | None = None
    erased_at: datetime | None = None

    def stored(self) -> dict[str, str | None]:
        """As `workspace_state` keeps it."""
        return {name: moment and moment.isoformat() for name, moment in asdict(self).items()}

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Facts:
        """The reverse of `stored`; what is unknown is left out, what is missing has not happened."""
        return cls(**{field.name: parse_datetime(stored[field.name]) for field in fields(cls) if stored.get(field.name)})


@dataclass(frozen=True, slots=True)
class Standing:
    """The state with when it changes by itself, and to what: None where only a payment or a person changes it."""

    state: BillingState
    changes_at: datetime | None = None
    paused: bool = False


def standing(facts: Facts, *, now: datetime, over: bool = False) -> Standing:
    """The one function. `over`: the workspace has more of something than its plan holds."""
    if facts.erased_at is not None:
        return Standing(BillingState.DELETED)
    if facts.past_due_since is not None:
        return _unpaid(facts, facts.past_due_since, now)
    if facts.paused_until is not None and now < facts.paused_until:
        return Standing(BillingState.LIMITED, facts.paused_until, paused=True)
    if facts.trial_ends_at is not None and now < facts.trial_ends_at:
        return Standing(BillingState.TRIAL, facts.trial_ends_at)
    ends = facts.ends_at if facts.ends_at is not None and now < facts.ends_at else None
    return Standing(BillingState.OVER_LIMIT if over else BillingState.ACTIVE, ends)


def on_free(facts: Facts, *, now: datetime) -> bool:
    """Whether what was had is over, so that Free's limits hold: an unpaid trial, or a cancelled plan past its end."""
    return any(moment is not None and now >= moment for moment in (facts.trial_ends_at, facts.ends_at))


def promised(facts: Facts, *, now: datetime) -> bool:
    """Whether somebody's word holds the state at present: the firm's promise to pay, or the operator's."""
    return any(moment is not None and now < moment for moment in (facts.promised_until, facts.extended_until))


def _unpaid(facts: Facts, since: datetime, now: datetime) -> Standing:
    held = max((moment for moment in (facts.promised_until, facts.extended_until) if moment is not None), default=None)
    if held is not None and now < held:
        return Standing(BillingState.PAST_DUE, max(held, since + timedelta(days=LIMITED_FROM)))
    for day, state in _STAGES:
        ends = since + timedelta(days=day)
        if now < ends:
            return Standing(state, ends)
    return Standing(BillingState.DELETE_SCHEDULED, since + timedelta(days=ERASED_FROM))
