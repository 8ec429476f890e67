"""The funnel."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.safestring import mark_safe

from crm_core.sales.deals.desk import DESK
from crm_core.sales.pipelines import queries as pipelines
from crm_platform.accounts import directory
from crm_platform.kernel import money
from crm_platform.kernel.permissions import require
from crm_platform.kernel.reading import whole
from crm_platform.ui import responses

from . import queries
from .permissions import NUMBERS


def funnel(request: HttpRequest) -> HttpResponse:
    """Count, sum and conversion by stage, by seller, by period; won and lost with reasons; each figure opens its rows."""
    actor = request.actor  # type: ignore[attr-defined]
    require(actor, NUMBERS.right("view"))
    chosen = whole(request.GET.get("pipeline"))
    pipeline = pipelines.first() if chosen is None else pipelines.pipeline(chosen)
    query = request.GET.copy()
    query.pop("pipeline", None)
    low, high = request.GET.get("from", ""), request.GET.get("to", "")
    if low or high:
        query["made"] = f"{low}..{high}"
    found = queries.funnel(actor, pipeline_id=pipeline.pk, query=query)
    most = max((row.reached for row in found.stages), default=0) or 1
    chart = {
        "labels": [row.name for row in found.months],
        "values": [float(money.major(row.sum, currency=found.currency)) for row in found.months],
    }
    context: dict[str, Any] = {
        "found": found, "pipeline": pipeline, "pipelines": pipelines.everything().pipelines, "most": most, "people": directory.choices(),
        "low": low, "high": high, "chart": mark_safe(json.dumps(chart).replace("<", "\\u003c")), "responsible": request.GET.get("responsible", ""),  # noqa: S308 (escaped)
        "closed": found.won.count + found.lost.count, "desk": DESK,
    }  # fmt: skip
    return responses.page(request, "funnel/funnel.html", rail="funnel", **context)
