"""Versions of plans and of what is bought beside them; coupons."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from billing import pricing
from billing.models import AddOnVersion, Coupon, PlanVersion
from billing.plans import NAMES
from crm_platform.accounts.operators import Duty
from crm_platform.kernel.errors import Conflict, CrmError, Invalid
from crm_platform.kernel.reading import whole
from crm_platform.ui import responses
from crm_platform.ui.formwork import Refused, errors_into
from crm_platform.ui.markup import figure
from crm_platform.ui.paging import page_of

from . import forms, packets, selling, services, words
from .prices import Difference


def plans(request: HttpRequest) -> HttpResponse:
    """The newest version of each plan, and who holds it."""
    held = selling.holders()
    rows = [{"row": row, "name": NAMES.get(row.code, row.code), "held": held.get(row.pk, 0), "terms": pricing.read(row.terms)} for row in selling.newest()]
    beside = packets.holders()
    add_ons = [{"row": row, "name": NAMES.get(row.code, row.code), "held": beside[str(row).replace(" ", ":")]} for row in packets.newest()]
    return responses.page(request, "console/plans.html", rows=rows, add_ons=add_ons)


def plan(request: HttpRequest, code: str) -> HttpResponse:
    """All versions of a plan, and what each changed."""
    found, held = selling.versions(code), selling.holders()
    before: list[PlanVersion | None] = [*found[1:], None]
    sold = _sold(found)
    rows = [
        {"row": row, "sold": row.pk == sold, "held": held.get(row.pk, 0), "differences": selling.differences(old, row) if old else [], "facts": selling.facts(row)} for row, old in zip(found, before, strict=True)
    ]  # fmt: skip
    return responses.page(request, "console/plan.html", rows=rows, code=code, name=NAMES.get(code, code), may_edit=_admin(request), new_url="console-plan-new", sale_url="console-plan-sale")


def _sold(versions: Sequence[PlanVersion] | Sequence[AddOnVersion]) -> int | None:
    """Which of the versions, the newest first, who buys now gets: an older one is sold again only when the newer are taken off."""
    return next((row.pk for row in versions if row.on_sale), None)


def _admin(request: HttpRequest) -> bool:
    return bool(request.operator.duty >= Duty.ADMIN)  # type: ignore[attr-defined]


@require_http_methods(["GET", "POST"])
def new_version(request: HttpRequest, code: str) -> HttpResponse:
    """A new version from the newest: typed, looked at as differences, then made."""
    old = selling.versions(code)[0]
    return _new(request, selling, old, to="console-plan", draft=lambda given: PlanVersion(code=code, version=old.version + 1, **given), drawn=_drawn, template="console/plan_new.html")


def add_on(request: HttpRequest, code: str) -> HttpResponse:
    """All versions of what is bought beside a plan, and what each changed."""
    found, held = packets.versions(code), packets.holders()
    before: list[AddOnVersion | None] = [*found[1:], None]
    sold = _sold(found)
    rows = [
        {"row": row, "sold": row.pk == sold, "held": held[str(row).replace(" ", ":")], "differences": packets.differences(old, row) if old else [], "facts": packets.facts(row)} for row, old in zip(found, before, strict=True)
    ]  # fmt: skip
    return responses.page(request, "console/plan.html", rows=rows, code=code, name=NAMES.get(code, code), may_edit=_admin(request), new_url="console-add-on-new", sale_url="console-add-on-sale")


@require_http_methods(["GET", "POST"])
def new_add_on(request: HttpRequest, code: str) -> HttpResponse:
    """The same as of a plan."""
    old = packets.versions(code)[0]
    return _new(request, packets, old, to="console-add-on", draft=lambda given: AddOnVersion(code=code, version=old.version + 1, **given), drawn=_drawn_packet, template="console/add_on_new.html")


def _new(request: HttpRequest, verbs: Any, old: Any, *, to: str, draft: Callable[[dict[str, Any]], Any], drawn: Callable[..., dict[str, Any]], template: str) -> HttpResponse:
    typed = {name: value for name, value in request.POST.items() if isinstance(value, str)} if request.method == "POST" else verbs.typed_from(old)
    differences: list[Difference] = []
    error: CrmError | None = None
    if request.method == "POST":
        try:
            given = verbs.read(old, typed)
            differences = verbs.differences(old, draft(given))
            if "confirm" in typed:
                made = verbs.make(request.operator, old.code, after=whole(typed.get("after")) or 0, **given)  # type: ignore[attr-defined]
                said = _("Version %(version)s is on sale. Whoever has an earlier one keeps it.") % {"version": made.version}
                return responses.toast(request, responses.redirect(request, reverse(to, args=[old.code])), said)
            pricing.read(given["terms"])
        except (Invalid, Conflict) as refused:
            error = refused
    context: dict[str, Any] = {
        "old": old, "name": NAMES.get(old.code, old.code), "code": old.code, "differences": differences, "error": error, "asked": request.method == "POST",
        "after": typed.get("after") or old.version, "to": to, **drawn(old, typed, error.fields if isinstance(error, Invalid) else {}),
    }  # fmt: skip
    return responses.page(request, template, status=error.status if error else 200, **context)


def _drawn(old: PlanVersion, typed: dict[str, str], wrong: dict[str, list[Any]]) -> dict[str, Any]:
    """The form's rows: limits, modules, prices by currency and interval."""
    cell = _cells(selling.label_of, typed, wrong)
    return {
        "limits": [cell(f"limit_{name}") for name in sorted(old.limits, key=_place)],
        "modules": [{**cell(f"feature_{name}"), "on": bool(typed.get(f"feature_{name}"))} for name in words.MODULES],
        "rates": _rates(old.terms, cell, ("base", "included", "steps")), "days": [cell(f"day_{currency}") for currency in sorted(old.terms.get("day", {}))],
    }  # fmt: skip


def _drawn_packet(old: AddOnVersion, typed: dict[str, str], wrong: dict[str, list[Any]]) -> dict[str, Any]:
    """What it gives, and its price: of the whole, or of each."""
    cell = _cells(packets.label_of, typed, wrong)
    each = any(rate.steps for rate in pricing.read(old.terms).rates.values())
    return {"limits": [cell(f"gives_{name}") for name, given in old.gives.items() if given is not True], "rates": _rates(old.terms, cell, ("steps",) if each else ("base",)), "each": each}


def _cells(label: Callable[[str], str], typed: dict[str, str], wrong: dict[str, list[Any]]) -> Callable[[str], dict[str, Any]]:
    return lambda name: {"name": name, "value": typed.get(name, ""), "label": label(name), "error": " ".join(map(str, wrong.get(name, ())))}


def _rates(terms: dict[str, Any], cell: Callable[[str], dict[str, Any]], kinds: tuple[str, ...]) -> list[dict[str, Any]]:
    rates = sorted(pricing.read(terms).rates)
    return [{"label": f"{currency}, {words.INTERVALS[interval]}", "cells": [cell(f"{kind}_{currency}_{interval}") for kind in kinds]} for currency, interval in rates]


def _place(metric: str) -> int:
    """Where a limit stands: a row's JSON keeps no order."""
    known = list(words.METRICS)
    return known.index(metric) if metric in known else len(known)


@require_POST
def sale(request: HttpRequest, pk: int) -> HttpResponse:
    """Offer a version, or offer it no more."""
    found = selling.set_on_sale(request.operator, pk=pk, on_sale=request.POST.get("on_sale") == "1")  # type: ignore[attr-defined]
    return responses.toast(request, responses.redirect(request, reverse("console-plan", args=[found.code])), _("Saved."))


@require_POST
def sale_add_on(request: HttpRequest, pk: int) -> HttpResponse:
    """The same of what is bought beside a plan."""
    found = packets.set_on_sale(request.operator, pk=pk, on_sale=request.POST.get("on_sale") == "1")  # type: ignore[attr-defined]
    return responses.toast(request, responses.redirect(request, reverse("console-add-on", args=[found.code])), _("Saved."))


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
    rows = [{"row": row, "duration": _holds(row), "percent": number_format(row.percent_bp / 100, 2 if row.percent_bp % 100 else 0), "plans": [NAMES.get(code, code) for code in row.plans]} for row in page.rows]
    may_act = request.operator.duty >= Duty.MONEY  # type: ignore[attr-defined]
    return responses.page(request, "console/coupons.html", status=status, page=page, rows=rows, form=form, may_act=may_act)


def _holds(row: Coupon) -> Any:
    """For how long it holds, in words."""
    if row.duration == "repeating" and row.months:
        return ngettext("%(n)s month", "%(n)s months", row.months) % {"n": figure(row.months)}
    return words.DURATIONS.get(row.duration, row.duration)


@require_POST
def archive(request: HttpRequest, pk: int) -> HttpResponse:
    """It can be taken no more."""
    services.archive_coupon(request.operator, pk=pk)  # type: ignore[attr-defined]
    return responses.toast(request, responses.redirect(request, reverse("console-coupons")), _("Saved."))
