"""The console's pages of revenue."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from billing.console import words
from billing.plans import NAMES
from crm_platform.accounts.operators import Duty, require
from crm_platform.events.backbone import emit
from crm_platform.kernel import money
from crm_platform.kernel.errors import NotFound
from crm_platform.kernel.sheets import TYPES, as_csv, as_xlsx
from crm_platform.ui import responses
from crm_platform.ui.paging import page_of

from . import figures
from .models import Day, Kind

MONTHS = 12
EXPORTS = {"moves": _("What moved"), "lines": _("Who pays what")}
LABELS = {Kind.NEW: _("New"), Kind.EXPANSION: _("Expansion"), Kind.REACTIVATION: _("Reactivation"), Kind.CONTRACTION: _("Contraction"), Kind.CHURN: _("Churn")}
REASONS = {"left": _("left"), "unpaid": _("unpaid"), "paused": _("paused"), "currency": _("another currency")}


def revenue(request: HttpRequest) -> HttpResponse:
    """A month, what moved in it, and the year behind it."""
    shown = figures.months(MONTHS)
    if not shown:
        return responses.page(request, "reports/revenue.html", months=[])
    month = _month(request, shown)
    flows = figures.flows(month.start, month.end)
    currency = _currency(request, [flow.currency for flow in flows])
    flow = next((flow for flow in flows if flow.currency == currency), None)
    history = figures.history(shown, currency)
    began, converted = figures.trials(month.first)
    context: dict[str, Any] = {
        "months": shown, "month": month, "flows": flows, "flow": flow, "currency": currency, "history": history, "chart": _chart(history, currency),
        "moves": [(kind.value, label, flow.moves[kind.value]) for kind, label in LABELS.items()] if flow else [],
        "began": began, "converted": converted, "share": round(100 * converted / began) if began else None, "states": _states(month.end.figures), "exports": list(EXPORTS.items()), "forms": ("CSV", "XLSX"),
    }  # fmt: skip
    return responses.page(request, "reports/revenue.html", **context)


def _states(counted: Mapping[str, int]) -> list[dict[str, Any]]:
    """How many workspaces there were in each state at the last look."""
    return [{"code": state.value, "label": label, "icon": icon, "count": counted[state.value]} for state, (label, _tone, icon) in words.STATES.items() if counted.get(state.value)]


def moves(request: HttpRequest) -> HttpResponse:
    """The rows behind a figure."""
    shown = figures.months(MONTHS)
    if not shown:
        raise NotFound
    month = _month(request, shown)
    kind = request.GET.get("kind", "")
    rows = figures.moved(month, currency=_known(request.GET.get("currency", "")), kind=kind if kind in Kind.values else "")
    page = page_of(rows, request.GET)
    drawn = [{"row": row, "kind": LABELS[Kind(row.kind)], "reason": REASONS.get(row.reason, "")} for row in page.rows]
    chips = [(one.value, label) for one, label in LABELS.items()]
    return responses.page(request, "reports/moves.html", month=month, months=shown, page=page, rows=drawn, kind=kind, kinds=chips, currency=request.GET.get("currency", ""))


def cohorts(request: HttpRequest) -> HttpResponse:
    """Who began in which month, and how many of them still pay."""
    shown = figures.months(MONTHS)
    found = figures.cohorts(shown)
    rows = [{"cohort": one, "cells": list(zip(one.kept, one.shares(), strict=True))} for one in found]
    return responses.page(request, "reports/cohorts.html", rows=rows, columns=range(len(found)))


def export(request: HttpRequest, what: str) -> HttpResponse:
    """A month's movements, or what everybody pays at its end, as CSV or XLSX."""
    operator = request.operator  # type: ignore[attr-defined]
    require(operator, Duty.MONEY)
    shown = figures.months(MONTHS)
    if what not in EXPORTS or not shown:
        raise NotFound
    month = _month(request, shown)
    form = "csv" if request.GET.get("format") == "csv" else "xlsx"
    table = _moves_table(month) if what == "moves" else _lines_table(month.end)
    content = as_csv(table) if form == "csv" else as_xlsx(table)
    emit(operator.actor, "revenue.exported", entity="platform", record_id=None, after={"what": what, "month": month.first.isoformat(), "format": form})
    name = f"{what}-{month.first:%Y-%m}.{form}"
    return HttpResponse(content, content_type=TYPES[form], headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _moves_table(month: figures.Month) -> Iterable[list[Any]]:
    yield [_now("Day"), _now("Workspace"), _now("Workspace number"), _now("What"), _now("Reason"), _now("Currency"), _now("Sum")]
    for row in figures.moved(month):
        yield [row.day.day, row.slug, row.workspace, row.kind, row.reason, row.currency, money.major(row.minor, currency=row.currency)]


def _lines_table(day: Day) -> Iterable[list[Any]]:
    yield [_now("Workspace"), _now("Workspace number"), _now("Plan"), _now("Version"), _now("Interval"), _now("Seats"), _now("Currency"), _now("MRR"), _now("Unpaid")]
    for row in figures.lines(day):
        sum_of = money.major(row["minor"], currency=row["currency"])
        yield [row["slug"], row["workspace"], str(NAMES.get(row["plan"], row["plan"])), row["version"], row["interval"], row["seats"], row["currency"], sum_of, int(row["past_due"])]


def _month(request: HttpRequest, shown: list[figures.Month]) -> figures.Month:
    try:
        wished = date.fromisoformat(f"{request.GET.get('month', '')}-01")
    except ValueError:
        return shown[0]
    return next((month for month in shown if month.first == wished), shown[0])


def _currency(request: HttpRequest, known: list[str]) -> str:
    wished = request.GET.get("currency", "")
    return wished if wished in known else (known or ["EUR"])[0]


def _known(wished: str) -> str:
    return wished if wished in figures.currencies() else ""


def _chart(history: list[figures.Total], currency: str) -> SafeString:
    ordered = list(reversed(history))
    data = {
        "labels": [date_format(total.month.first, "M Y") for total in ordered],
        "values": [float(money.major(total.end, currency=currency)) for total in ordered],
        "links": [f"{reverse('reports')}?month={total.month.first:%Y-%m}&currency={currency}" for total in ordered],
    }
    return SafeString(json.dumps(data).replace("<", "\\u003c"))
