"""Access: how far people may go in a workspace. One function, from `workspace_state` and now; the strictest of all causes decides (design section 5).

| Cause | Level |
|---|---|
| billing: trialing, active, over_limit, past_due | everything |
| billing: limited, paused; maintenance; leaving | reading and export |
| billing: frozen, delete_scheduled | reading and export, by the owner alone |
| the operator's suspension | as the operator chose, until its end |
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from crm_platform.kernel import clock, effort, versions, workspace
from crm_platform.kernel.access import Access, Level
from crm_platform.kernel.effort import Effort
from crm_platform.kernel.errors import Unavailable
from tenants.inside import services as inside
from tenants.inside.models import WorkspaceState

from .models import SuspensionLevel

BILLING = {
    "limited": Level.READ, "paused": Level.READ, "frozen": Level.OWNER, "delete_scheduled": Level.OWNER,
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
    found = [cause for cause in (_suspension(state, now), _leaving(state), _billing(state), _maintenance(state)) if cause is not None]
    return min(found, key=lambda access: access.level, default=Access())


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
    return date_format(localtime(moment), "j F Y")


def _suspension(state: WorkspaceState, now: datetime) -> Access | None:
    if not state.suspended or (state.suspended_until is not None and now >= state.suspended_until):
        return None
    return Access(SUSPENDED.get(SuspensionLevel(state.suspended_level or "closed"), Level.CLOSED), "suspended", lambda: _suspended_words(state))


def _suspended_words(state: WorkspaceState) -> str:
    if not state.suspended_until:
        return state.suspended_reason
    return _now("%(reason)s (until %(day)s)") % {"reason": state.suspended_reason, "day": day(state.suspended_until)}


def _leaving(state: WorkspaceState) -> Access | None:
    erases_at = state.erases_at
    if erases_at is None:
        return None
    return Access(
        Level.READ, "leaving", lambda: _now("This workspace will be erased on %(day)s. Until then you can read and export everything.") % {"day": day(erases_at)}, "leaving"
    )


def _billing(state: WorkspaceState) -> Access | None:
    level = BILLING.get(state.billing_state)
    if level is None:
        return None
    return Access(level, state.billing_state, lambda: _now("The workspace can be read and exported, not changed, until the plan is paid. Nothing was deleted."), "plan")


def _maintenance(state: WorkspaceState) -> Access | None:
    if not state.maintenance:
        return None
    return Access(Level.READ, "maintenance", lambda: _now("We are working on this workspace: for a moment it can be read, not changed."))
