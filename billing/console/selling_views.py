"""Versions of plans and coupons."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from billing import pricing
from billing.models import Coupon, PlanVersion
from billing.plans import NAMES
from crm_platform.accounts.operators import Duty
from crm_platform.kernel.errors import Conflict, CrmError, Invalid
from crm_platform.kernel.reading import whole
from crm_platform.ui import responses
from crm_platform.ui.formwork import Refused, errors_into
from crm_platform.ui.paging import page_of

from . import forms, selling, services, words


def plans(request: HttpRequest) -> HttpResponse:
    """The newest version of each plan, and who holds it."""
    held = selling.holders()
    rows = [{"row": row, "name": NAMES.get(row.code, row.code), "held": held.get(row.pk, 0), "terms": pricing.read(row.terms)} for row in selling.newest()]
    return responses.page(request, "console/plans.html", rows=rows)


def plan(request: HttpRequest, code: str) -> HttpResponse:
    """All versions of a plan, and what each changed."""
    found, held = selling.versions(code), selling.holders()
    before: list[PlanVersion | None] = [*found[1:], None]
    rows = [
        {"row": row, "held": held.get(row.pk, 0), "differences": selling.differences(old, row) if old else [], "facts": selling.facts(row)} for row, old in zip(found, before, strict=True)
    ]  # fmt: skip
    return responses.page(request, "console/plan.html", rows=rows, code=code, name=NAMES.get(code, code), may_edit=_admin(request))


def _admin(request: HttpRequest) -> bool:
    return bool(request.operator.duty >= Duty.ADMIN)  # type: ignore[attr-defined]


@require_http_methods(["GET", "POST"])
def new_version(request: HttpRequest, code: str) -> HttpResponse:
    """A new version from the newest: typed, looked at as differences, then made."""
    old = selling.versions(code)[0]
    typed = {name: value for name, value in request.POST.items() if isinstance(value, str)} if request.method == "POST" else selling.typed_from(old)
    differences: list[selling.Difference] = []
    error: CrmError | None = None
    if request.method == "POST":
        try:
            given = selling.read(old, typed)
            differences = selling.differences(old, PlanVersion(code=code, version=old.version + 1, **given))
            if "confirm" in typed:
                made = selling.make(request.operator, code, after=whole(typed.get("after")) or 0, **given)  # type: ignore[attr-defined]
                said = _("Version %(version)s is on sale. Whoever has an earlier one keeps it.") % {"version": made.version}
                return responses.toast(request, responses.redirect(request, reverse("console-plan", args=[code])), said)
        except (Invalid, Conflict) as refused:
            error = refused
    context: dict[str, Any] = {
        "old": old, "name": NAMES.get(code, code), "code": code, "differences": differences, "error": error, "asked": request.method == "POST", "after": typed.get("after") or old.version,
        **_drawn(old, typed, error.fields if isinstance(error, Invalid) else {}),
    }  # fmt: skip
    return responses.page(request, "console/plan_new.html", status=error.status if error else 200, **context)


def _drawn(old: PlanVersion, typed: dict[str, str], wrong: dict[str, list[Any]]) -> dict[str, Any]:
    """The form's rows: limits, modules, prices by currency and interval."""
    def cell(name: str) -> dict[str, Any]:
        return {"name": name, "value": typed.get(name, ""), "label": selling.label_of(name), "error": " ".join(map(str, wrong.get(name, ())))}

    rates = sorted(pricing.read(old.terms).rates)
    return {
        "limits": [cell(f"limit_{name}") for name in sorted(old.limits, key=_place)],
        "modules": [{**cell(f"feature_{name}"), "on": bool(typed.get(f"feature_{name}"))} for name in words.MODULES],
        "rates": [{"label": f"{currency}, {words.INTERVALS[interval]}", "cells": [cell(f"{kind}_{currency}_{interval}") for kind in ("base", "included", "steps")]} for currency, interval in rates],
        "days": [cell(f"day_{currency}") for currency in sorted(old.terms.get("day", {}))],
    }  # fmt: skip


def _place(metric: str) -> int:
    """Where a limit stands: a row's JSON keeps no order."""
    known = list(words.METRICS)
    return known.index(metric) if metric in known else len(known)


@require_POST
def sale(request: HttpRequest, pk: int) -> HttpResponse:
    """Offer a version, or offer it no more."""
    found = selling.set_on_sale(request.operator, pk=pk, on_sale=request.POST.get("on_sale") == "1")  # type: ignore[attr-defined]
    return responses.toast(request, responses.redirect(request, reverse("console-plan", args=[found.code])), _("Saved."))


@require_http_methods(["GET", "POST"])
def coupons(request: HttpRequest) -> HttpResponse:
    """What may be given, how often it was taken, and a new one."""
    form, status = forms.CouponForm(request.POST or None), 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                with errors_into(form):
                    services.make_coupon(request.operator, **form.values())  # type: ignore[attr-defined]
            except Refused as refused:
                status = refused.status
            else:
                return responses.toast(request, responses.redirect(request, reverse("console-coupons")), _("Saved."))
    page = page_of(Coupon.objects.order_by("-id"), request.GET)
    rows = [{"row": row, "duration": words.DURATIONS.get(row.duration, row.duration), "percent": row.percent_bp / 100} for row in page.rows]
    may_act = request.operator.duty >= Duty.MONEY  # type: ignore[attr-defined]
    return responses.page(request, "console/coupons.html", status=status, page=page, rows=rows, form=form, may_act=may_act)


@require_POST
def archive(request: HttpRequest, pk: int) -> HttpResponse:
    """It can be taken no more."""
    services.archive_coupon(request.operator, pk=pk)  # type: ignore[attr-defined]
    return responses.toast(request, responses.redirect(request, reverse("console-coupons")), _("Saved."))
