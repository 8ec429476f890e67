"""What a program may read of plan and state, by an owner's token."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from crm_platform.accounts.middleware import by_token
from crm_platform.kernel import access, clock
from tenants.inside import services as inside
from tenants.lifecycle.access import facts_of
from tenants.lifecycle.billing_state import on_free
from tenants.lifecycle.leaving import require_owner

from . import plans
from .metering import answering
from .seats import admitting

# Not counted: how fast a program may ask, and how far back the journal is shown.
_RATES = frozenset({"api_rate", "journal_days"})


@by_token
@require_safe
def state(request: HttpRequest) -> JsonResponse:
    """The state of billing as it is at this moment, in one value."""
    require_owner(request.actor)  # type: ignore[attr-defined]
    row, now = inside.state(), clock.now()
    facts, stands = facts_of(row), answering.standing_here()
    free = on_free(facts, now=now)
    body = {
        "state": str(stands.state), "access": access.here().level.name.lower(), "plan": plans.FREE if free else row.plan, "version": row.plan_version, "now": _moment(now),
        "seats": _seats(row.seats if not free else {}), "limits": _limits(), "past_due_since": _moment(facts.past_due_since), "next_change_at": _moment(stands.changes_at),
    }  # fmt: skip
    return JsonResponse(body, headers={"Cache-Control": "no-store"})


def _seats(bought: dict[str, Any]) -> dict[str, int | None]:
    """Those that are bought, or, where none are, those that the plan holds; those taken; those whose payment is awaited."""
    users = answering.Meter().usage("users")
    return {"bought": bought.get("bought", users.limit), "used": users.used, "pending": admitting.pending()}


def _limits() -> dict[str, dict[str, int | None]]:
    meter = answering.Meter()
    names = {*answering.limits(), *answering.counted()} - _RATES - set(plans.ALL_MODULES)
    usages = [meter.usage(metric) for metric in sorted(names)]
    return {one.metric: {"limit": one.limit, "ceiling": one.ceiling, "used": one.used} for one in usages}


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
