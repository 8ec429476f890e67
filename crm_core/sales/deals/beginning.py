"""The first minute: a board in whose pipeline no deal stands yet, with a form for the first one and what else begins a firm's work.

What stands beside the columns is put there by others; they are asked on the boards of beginners only, or answer at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString

from crm_core.sales.pipelines import choosing, trades
from crm_core.sales.pipelines import queries as pipelines
from crm_core.sales.pipelines.models import Pipeline
from crm_platform.accounts.roles import SETTINGS
from crm_platform.kernel import money, preferences
from crm_platform.kernel.permissions import may
from crm_platform.ui import responses

from . import queries
from .forms import QuickForm

# Answered by the list of first steps: markup for beside the columns, empty for whoever needs none. Asked by every board, so it looks at what is at hand first.
_beside: Callable[[HttpRequest, str], SafeString] = lambda request, add_url: SafeString()  # noqa: E731
ADD_HERE = "#first-deal"


def answer_beside(draw: Callable[[HttpRequest, str], SafeString]) -> None:
    """Name who draws what stands beside the columns; it is told where a deal is added."""
    global _beside
    _beside = draw


def beside(request: HttpRequest, *, add_url: str = "") -> SafeString:
    """What stands beside the columns of this person's boards."""
    return _beside(request, add_url)


def is_fresh(pipeline: Pipeline) -> bool:
    """Whether no deal at all stands in a pipeline: none that is open, won or lost, and none that only others see."""
    return not queries.stands_any(pipeline.pk)


def page(request: HttpRequest, pipeline: Pipeline, *, form: QuickForm | None = None, status: int = 200) -> HttpResponse:
    """The empty board; `form` is a refused one, drawn again as it was typed."""
    currency = preferences.here().currency
    sign = money.SIGNS.get(currency, currency)
    stages = pipelines.everything().open_of(pipeline.pk)
    context: dict[str, Any] = {
        "pipeline": pipeline, "pipelines": pipelines.active(), "stages": stages, "form": form, "currency": currency,
        "sign": sign, "sign_first": currency in money.BEFORE, "beside": beside(request, add_url=ADD_HERE),
    }  # fmt: skip
    if may(request.actor, SETTINGS.right("edit")):  # type: ignore[attr-defined]
        context |= {"trades": trades.TRADES[: trades.SHOWN], "more_trades": trades.TRADES[trades.SHOWN :], "trade": trades.of(stages), "choice": choosing.standing(pipeline.pk)}
    return responses.page(request, "deals/first.html", status=status, rail="deals", **context)
