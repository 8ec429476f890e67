"""Access: how far people may go in a workspace. One function, from `workspace_state` and now; the strictest of all causes decides (design section 5).

| Cause | Level |
|---|---|
| billing: trial, active, over_limit, past_due | everything |
| billing: limited, or paused | reading and export; tasks are ticked off, incoming chats answered |
| maintenance; leaving | reading and export |
| billing: frozen, delete_scheduled | reading, export and paying, by the owner alone |
| the operator's suspension | as the operator chose, until its end |

Leads are taken in (and held, `billing.held`) however little else goes on, save where the operator closed the workspace.
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from crm_platform.kernel import clock, effort, versions, workspace
from crm_platform.kernel.access import Access, Act, Level
from crm_platform.kernel.effort import Effort
from crm_platform.kernel.errors import Unavailable
from tenants.inside import services as inside
from tenants.inside.models import WorkspaceState

from .billing_state import BillingState, Facts, Standing, promised, standing
from .models import SuspensionLevel

# What billing leaves to the people: level, and what goes on below the full one.
_TAKEN_IN = frozenset({Act.INTAKE})
BILLING: dict[BillingState, tuple[Level, frozenset[Act]]] = {
    BillingState.LIMITED: (Level.READ, frozenset({Act.TASKS_DONE, Act.CHATS_ANSWER, Act.INTAKE})),
    BillingState.FROZEN: (Level.OWNER, _TAKEN_IN), BillingState.DELETE_SCHEDULED: (Level.OWNER, _TAKEN_IN), BillingState.DELETED: (Level.CLOSED, frozenset()),
}  # fmt: skip
SUSPENDED = {
    SuspensionLevel.NOTICE: Level.FULL, SuspensionLevel.READ: Level.READ, SuspensionLevel.OWNER: Level.OWNER, SuspensionLevel.CLOSED: Level.CLOSED,
}  # fmt: skip


class Suspended(Unavailable):
    """The operator has closed the workspace for now."""

    code, status = "suspended", 403
    heading = _("This workspace is closed")
    sentence = _("This workspace is closed at the moment. Its data is kept; write to us and we will sort it out.")


def access_of(state: WorkspaceState, *, now: datetime) -> Access:
    """The one function: how far people may go, and what says so. Of two equally strict causes the first one speaks."""
    found = [cause for cause in (_suspension(state, now), _leaving(state), _billing(state, now), _maintenance(state)) if cause is not None]
    strictest = min(found, key=lambda access: access.level, default=Access())
    if strictest.level is Level.FULL:
        return strictest
    return replace(strictest, still=frozenset.intersection(*[access.still for access in found if access.level < Level.FULL]))


def facts_of(state: WorkspaceState) -> Facts:
    """The moments of billing, also of a row that was written before they were told."""
    if state.billing:
        return Facts.read(state.billing)
    return Facts(trial_ends_at=state.trial_ends_at) if state.billing_state in ("trial", "trialing") else Facts()


# For how many seconds the answers that come while one types believe what was found: they would pay for asking each time, and only read.
BELIEVED = 1.0
_believed: dict[str, tuple[float, Access]] = {}


def here() -> Access:
    """Answer to `kernel.access.here`."""
    if effort.current() is not Effort.TYPING:
        return versions.kept_in_unit("access", lambda: access_of(inside.seen_state(), now=clock.now()))
    key, moment = workspace.prefix(), time.monotonic()
    kept = _believed.get(key)
    if kept is None or moment - kept[0] > BELIEVED:
        if len(_believed) > 20_000:
            _believed.clear()
        kept = _believed[key] = moment, access_of(inside.seen_state(), now=clock.now())
    return kept[1]


def read_values(told: dict[str, Any]) -> dict[str, Any]:
    """The same as the row keeps it: `states.values_of`."""
    return {name: parse_datetime(value) if value and name in ("suspended_until", "erases_at") else value for name, value in told.items()}


def day(moment: datetime) -> str:
    """A date as the reader's language writes it, in the firm's time zone."""
    return date_format(localtime(moment), "j E Y")


def _suspension(state: WorkspaceState, now: datetime) -> Access | None:
    if not state.suspended or (state.suspended_until is not None and now >= state.suspended_until):
        return None
    level = SUSPENDED.get(SuspensionLevel(state.suspended_level or "closed"), Level.CLOSED)
    return Access(level, "suspended", lambda: _suspended_words(state), still=frozenset() if level is Level.CLOSED else _TAKEN_IN)


def _suspended_words(state: WorkspaceState) -> str:
    if not state.suspended_until:
        return state.suspended_reason
    return _now("%(reason)s (until %(day)s)") % {"reason": state.suspended_reason, "day": day(state.suspended_until)}


def _leaving(state: WorkspaceState) -> Access | None:
    erases_at = state.erases_at
    if erases_at is None:
        return None
    return Access(
        Level.READ, "leaving", lambda: _now("This workspace will be erased on %(day)s. Until then you can read and export everything.") % {"day": day(erases_at)}, "leaving",
        still=_TAKEN_IN,
    )


def _billing(state: WorkspaceState, now: datetime) -> Access | None:
    facts = facts_of(state)
    if facts.past_due_since is None and facts.paused_until is None and facts.erased_at is None:
        return None
    found = standing(facts, now=now)
    if found.state is BillingState.PAST_DUE:
        return Access(Level.FULL, found.state, lambda: _past_due_words(facts, found, now), "plan", to_administrators=True)
    if found.state not in BILLING:
        return None
    level, still = BILLING[found.state]
    return Access(level, "paused" if found.paused else found.state, lambda: _billing_words(found), "plan", still=still)


def _past_due_words(facts: Facts, found: Standing, now: datetime) -> str:
    if promised(facts, now=now) or found.changes_at is None:
        return _now("A bill is open, and its payment is promised. Everything goes on as usual.")
    return _now("A bill is not paid yet. Everything goes on as usual until %(day)s; pay until then, and nothing changes.") % {"day": day(found.changes_at)}


def _billing_words(found: Standing) -> str:
    if found.paused and found.changes_at is not None:
        return _now("The plan is paused until %(day)s: everything can be read and exported, and tasks can be ticked off.") % {"day": day(found.changes_at)}
    if found.state is BillingState.DELETE_SCHEDULED:
        return _now("The plan has long been unpaid, and this workspace is about to be erased. Pay, and everything is as it was; until then an owner can export all of it.")
    if found.state is BillingState.FROZEN:
        return _now("A bill has long been open, and the workspace is closed to all but its owners. Once it is paid, everything is as it was.")
    return _now("The workspace can be read and exported, not changed, until the plan is paid. Nothing was deleted.")


def _maintenance(state: WorkspaceState) -> Access | None:
    if not state.maintenance:
        return None
    return Access(Level.READ, "maintenance", lambda: _now("We are working on this workspace: for a moment it can be read, not changed."))
