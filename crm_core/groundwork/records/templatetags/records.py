"""Tags of lists and cards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import template
from django.http import QueryDict
from django.template.context import Context

from crm_core.groundwork.saved_views import services as saved_views

register = template.Library()


@register.filter
def at(sequence: Sequence[Any], position: int) -> Any:
    """The entry at a position."""
    return sequence[position]


@register.filter
def view_address(view: Any) -> str:
    """A saved view's query."""
    return saved_views.address(view)


@register.simple_tag(takes_context=True)
def without_filter(context: Context, name: str) -> str:
    """This list's address without one filter."""
    query: QueryDict = context["request"].GET.copy()
    for gone in (name, "page", "view"):
        query.pop(gone, None)
    text = query.urlencode()
    return f"?{text}" if text else ""
