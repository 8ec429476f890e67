"""The page "Plan and payment", and the plans beside each other with the workspace's own numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from billing import plans, wording
from billing.metering.answering import LABELS, amount, forecast, label
from billing.providers import registry
from billing.seats import asking
from billing.subscribing.overview import Compared
from crm_platform.kernel import gates
from crm_platform.ui import responses
from crm_platform.ui.markup import figure
from tenants.lifecycle.billing_state import BillingState

from . import reading, telling
from .asked import may_change, reader


@require_safe
def plan(request: HttpRequest) -> HttpResponse:
    """What the workspace has, what it comes to, what waits, how full it is."""
    place, _actor = reader(request)
    seen = reading.overview(place)
    row, state, owed = seen.row, seen.standing.state, telling.owed(seen)
    context: dict[str, Any] = {
        "seen": seen, "row": row, "live": seen.had.live, "plan_name": telling.plan_name(seen), "state_name": telling.state_name(seen), "tone": telling.tone(seen),
        "sentence": telling.state_sentence(seen), "trial": state == BillingState.TRIAL, "unpaid": state in reading.UNPAID and not seen.standing.paused,
        "next": seen.coming[0] if seen.coming else None, "bill": _bill(seen),
        "currency": seen.currency, "year": "" if owed else telling.year(seen.coming, seen.currency),
        "owed": owed, "ceiling": telling.ceiling_told(seen), "month": seen.month, "asking": len(asking.waiting()), "bars": [bar(one) for one in gates.overview().values()], "change": _waiting(seen), "seats_wait": seen.waiting.get("seats"),
        "may_edit": may_change(request), "providers": registry.codes(), "method": seen.had.account.method,
        "card": seen.had.live and seen.had.account.provider == "stripe",
        "promise": seen.row.past_due_since is not None and row.promised_for != (row.period_start or row.past_due_since) and state in (BillingState.PAST_DUE, BillingState.LIMITED),
    }  # fmt: skip
    return responses.page(request, "desk/plan.html", **context)


def _bill(seen: reading.Overview) -> dict[str, Any] | None:
    """The next bill's lines, with what the account's credit takes off it."""
    if not seen.coming or seen.next is None:
        return None
    rows, due = telling.bill_rows(seen.next), seen.coming[0][1]
    return {**rows, "credit": due - rows["total"], "total": due}


def _waiting(seen: reading.Overview) -> str:
    return telling.waiting_told(seen.waiting["plan"]) if "plan" in seen.waiting else ""


def bar(usage: gates.Usage) -> dict[str, Any]:
    """One figure of how full it is, with the day on which it will be full."""
    percent = 0 if not usage.limit else min(100, usage.used * 100 // usage.limit)
    full = usage.limit is not None and usage.used >= usage.limit
    limit = None if usage.limit is None else amount(usage.metric, usage.limit)
    return {
        "label": LABELS[usage.metric], "used": amount(usage.metric, usage.used), "limit": limit, "percent": percent,
        "tone": _tone(usage, percent), "note": _note(usage, full=full),
    }  # fmt: skip


def _tone(usage: gates.Usage, percent: int) -> str:
    """Seats are there to be sat on: only more people than seats are bad."""
    if usage.metric == "users":
        return "bad" if usage.limit is not None and usage.used > usage.limit else ""
    return "bad" if percent == 100 else "warn" if percent >= 80 else ""


def _note(usage: gates.Usage, *, full: bool) -> str:
    if full and usage.metric == "users":
        return _("More people than seats: choose who stays, or add seats.") if usage.used > (usage.limit or 0) else _("Each seat is taken. For one more person, add a seat.")
    if full and usage.ceiling is not None and usage.used < usage.ceiling != usage.limit:
        return _("The limit is reached. A buffer up to %(ceiling)s holds for 14 days; then nothing is lost, only adding waits.") % {"ceiling": figure(usage.ceiling)}
    if full:
        return _("The limit is reached: nothing is lost, only adding waits. A larger plan takes more.")
    day = None if usage.metric == "users" else forecast(usage.metric)  # people are invited, not gathered
    return _("At this pace full around %(day)s.") % {"day": date_format(day, "j E Y")} if day else ""


@require_safe
def compare(request: HttpRequest) -> HttpResponse:
    """What would freeze on each plan, by the workspace's own numbers."""
    place, _actor = reader(request)
    (seen, compared), used = reading.with_plans(place), gates.overview()
    metrics = [*used, *sorted({one.metric for offer in compared for one in offer.over} - set(used))]
    rows = [_row(metric, _used(metric, used), compared) for metric in metrics]
    offers = [
        {
            "code": one.plan, "name": wording.name_of(one.plan), "present": seen.on == one.plan, "monthly": one.monthly, "yearly": one.yearly_a_month, "currency": one.currency, "free": one.plan == plans.FREE, "fits": one.fits,
            "freezes": telling.freezes(one), "unseated": one.unseated,
        }
        for one in compared
    ]  # fmt: skip
    return responses.page(request, "desk/compare.html", offers=offers, rows=rows, people=gates.usage("users").used, may_edit=may_change(request))


def _row(metric: str, used: int, compared: list[Compared]) -> dict[str, Any]:
    limits = [offer.limits.get(metric.partition(".")[0]) for offer in compared]
    return {"label": label(metric), "used": amount(metric, used), "cells": [{"limit": None if limit is None else amount(metric, limit), "over": limit is not None and used > limit} for limit in limits]}


def _used(metric: str, known: Mapping[str, gates.Usage]) -> int:
    return (known.get(metric) or gates.usage(metric)).used
