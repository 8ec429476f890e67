"""The funnel."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.safestring import mark_safe

from crm_core.sales.deals.desk import DESK
from crm_core.sales.pipelines import queries as pipelines
from crm_core.sales.pipelines.models import Pipeline
from crm_platform.accounts import directory
from crm_platform.kernel import effort, money, neighbours
from crm_platform.kernel.permissions import require
from crm_platform.kernel.reading import whole
from crm_platform.ui import responses

from . import queries
from .permissions import NUMBERS


@effort.report
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
    if query.pop("figures", None):  # the question alone, to be narrowed: the last one read too much
        return responses.page(request, "funnel/funnel.html", rail="funnel", **_asked(request, pipeline))
    request.narrow = f"?{request.GET.urlencode()}&figures=no"  # type: ignore[attr-defined]
    neighbours.need_share()
    found = queries.funnel(actor, pipeline_id=pipeline.pk, query=query)
    most = max((row.reached for row in found.stages), default=0) or 1
    chart = {
        "labels": [row.name for row in found.months],
        "values": [float(money.major(row.sum, currency=found.currency)) for row in found.months],
    }
    context: dict[str, Any] = {
        **_asked(request, pipeline), "found": found, "most": most, "chart": mark_safe(json.dumps(chart).replace("<", "\\u003c")),  # noqa: S308 (escaped)
        "closed": found.won.count + found.lost.count, "desk": DESK,
    }  # fmt: skip
    return responses.page(request, "funnel/funnel.html", rail="funnel", **context)


def _asked(request: HttpRequest, pipeline: Pipeline) -> dict[str, Any]:
    """What the form above the figures shows: what was asked for."""
    given = request.GET
    return {
        "pipeline": pipeline, "pipelines": pipelines.everything().pipelines, "people": directory.choices(),
        "low": given.get("from", ""), "high": given.get("to", ""), "responsible": given.get("responsible", ""),
    }  # fmt: skip
