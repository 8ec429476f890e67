"""Undoing what an integration wrote: a port, answered by the core, which knows records; the state stands with the integration."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _

from crm_platform.accounts.roles import SETTINGS
from crm_platform.events.backbone import emit
from crm_platform.kernel import clock, jobs
from crm_platform.kernel.errors import Conflict, Invalid
from crm_platform.kernel.permissions import Action, Actor, require

from . import services
from .models import Integration

JOB = "integrations.undo"
PERIODS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=30)}
LABELS = {"hour": _("the last hour"), "day": _("the last day"), "week": _("the last seven days"), "month": _("the last 30 days")}
RUNNING, DONE, FAILED = "running", "done", "failed"
# `outlook(integration, since)`: what would happen, in counts.
Outlook = Callable[[Integration, datetime], dict[str, Any]]
_outlook: Outlook | None = None


class StillAtWork(Conflict):
    """Undoing races with a program that goes on writing."""

    code = "integration_at_work"
    sentence = _("Pause the integration first: otherwise it writes anew what is being put back.")


class BeingUndone(Conflict):
    """Twice at once is once too many."""

    code = "being_undone"
    sentence = _("Its writes are being undone already.")


def answer(outlook: Outlook) -> None:
    """Name who knows what records it wrote (the core, once, at start-up); the job `integrations.undo` is registered there."""
    global _outlook
    _outlook = outlook


def outlook(integration: Integration, period: str) -> dict[str, Any]:
    """What undoing a period would do."""
    return {} if _outlook is None else _outlook(integration, since_of(period))


def since_of(period: str) -> datetime:
    """When a period began; raises Invalid."""
    if period not in PERIODS:
        raise Invalid(fields={"period": [_("Choose how far back.")]})
    return clock.now() - PERIODS[period]


def ask(actor: Actor, pk: int, *, period: str) -> Integration:
    """Have everything that the integration wrote in the period put back, as far as nobody changed it since."""
    require(actor, SETTINGS.right(Action.EDIT))
    found, since = services.get(actor, pk, lock=True), since_of(period)
    if found.paused_at is None and found.revoked_at is None:
        raise StillAtWork
    if found.undo.get("stage") == RUNNING:
        raise BeingUndone
    found.undo = {"stage": RUNNING, "since": since.isoformat(), "asked_by": actor.user_id, "report": {}}
    found.save(update_fields=["undo"])
    jobs.later(JOB, pk)
    emit(actor, "integration.undo_asked", entity="integration", record_id=pk, after={"name": found.name, "since": since})
    return found
