"""Plan and usage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from crm_platform.accounts.roles import SETTINGS
from crm_platform.db import sides
from crm_platform.kernel import clock, gates
from crm_platform.kernel.permissions import Action, as_ever, require
from crm_platform.ui import responses
from tenants.inside import services as inside
from tenants.lifecycle.access import facts_of
from tenants.lifecycle.billing_state import on_free

from . import plans, pricing, services
from .metering.answering import LABELS, amount, forecast
from .pricing import Interval


def plan(request: HttpRequest) -> HttpResponse:
    """What the workspace has, what of it is used, and the other plans."""
    require(as_ever(request.actor), SETTINGS.right(Action.EDIT))  # type: ignore[attr-defined]
    with sides.outside():
        sold = services.on_sale()
    state = inside.state()
    currency = inside.preferences().currency
    used = gates.overview()
    context: dict[str, Any] = {
        "state": state, "plan_name": plan_name(), "days_left": trial_days_left(), "on_plan": None if trial_days_left() else plan_code(), "bars": [_bar(usage) for usage in used.values()],
        "plans": [{**_sold(version, currency), "over": _over(version, used)} for version in sold],
    }  # fmt: skip
    return responses.page(request, "billing/plan.html", **context)


def plan_name() -> str:
    """The plan's name as people read it."""
    code = plans.TRIAL if trial_days_left() else plan_code()
    return str(plans.NAMES.get(code, code))


def plan_code() -> str:
    """The code of the plan whose limits hold now."""
    state = inside.state()
    return plans.FREE if on_free(facts_of(state), now=clock.now()) else state.plan


def trial_days_left() -> int:
    """Days until the trial ends; 0 where there is none."""
    ends = facts_of(inside.seen_state()).trial_ends_at
    return 0 if ends is None else max(0, -((clock.now() - ends).days))


def _bar(usage: gates.Usage) -> dict[str, Any]:
    percent = 0 if not usage.limit else min(100, usage.used * 100 // usage.limit)
    return {
        "label": LABELS[usage.metric],
        "used": amount(usage.metric, usage.used),
        "limit": None if usage.limit is None else amount(usage.metric, usage.limit),
        "percent": percent,
        "tone": "bad" if usage.limit is not None and usage.used >= usage.limit else "warn" if percent >= 80 else "",
        "note": _note(usage),
    }


def _over(version: Any, used: Mapping[str, gates.Usage]) -> list[str]:
    """What the workspace has more of than a plan holds, in sentences: all of it stays."""
    limits = version.limits
    return [
        _("%(what)s: %(used)s of %(limit)s") % {"what": LABELS[metric], "used": amount(metric, one.used), "limit": amount(metric, limits[metric])}
        for metric, one in used.items()
        if limits.get(metric) is not None and one.used > limits[metric]
    ]


def _note(usage: gates.Usage) -> str:
    if usage.limit is not None and usage.used >= usage.limit:
        if usage.ceiling is not None and usage.used < usage.ceiling != usage.limit:
            return _("The limit is reached. A buffer up to %(ceiling)d holds for 14 days; then nothing is lost, only adding waits.") % {"ceiling": usage.ceiling}
        return _("The limit is reached: nothing is lost, only adding waits. A larger plan takes more.")
    day = forecast(usage.metric)
    return _("At this pace full around %(day)s.") % {"day": date_format(day, "j F Y")} if day else ""


def _sold(version: Any, currency: str) -> dict[str, Any]:
    terms = pricing.read(version.terms)
    shown = currency if currency in terms.currencies else "EUR"
    monthly, yearly = terms.rate(shown, Interval.MONTH).unit(1), pricing.a_month(terms.rate(shown, Interval.YEAR).unit(1), Interval.YEAR)
    return {"code": version.code, "name": plans.NAMES[version.code], "limits": version.limits, "monthly": monthly, "yearly": yearly, "currency": shown, "gb": (version.limits["storage"] or 0) // plans.GB}


@require_POST
def change(request: HttpRequest) -> HttpResponse:
    """Put the workspace on another plan, at once. The control side is written after this unit's commit."""
    actor = request.actor  # type: ignore[attr-defined]
    require(as_ever(actor), SETTINGS.right(Action.EDIT))
    code = request.POST.get("plan", "")
    with sides.outside():
        services.find(code)
    place = request.place  # type: ignore[attr-defined]
    transaction.on_commit(lambda: services.change_plan(place, code, actor=actor))
    said = _("You are on %(plan)s now. Nothing was deleted.") % {"plan": plans.NAMES[code]}
    return responses.toast(request, responses.redirect(request, reverse("plan")), said)
