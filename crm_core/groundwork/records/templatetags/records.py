"""Tags of lists and cards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import template
from django.http import QueryDict
from django.template.context import Context
from django.utils.safestring import SafeString

from crm_core.groundwork.records import registry, writing
from crm_core.groundwork.saved_views import services as saved_views
from crm_platform.ui.markup import fill

register = template.Library()


@register.filter
def at(sequence: Sequence[Any], position: int) -> Any:
    """The entry at a position."""
    return sequence[position]


@register.simple_tag(takes_context=True)
def name_of(context: Context, code: str, record: Any, classes: str = "strong") -> SafeString:
    """A neighbour's name: a link to its card for those who may open that, else the name alone."""
    kind = registry.find(code)
    if writing.may(context["actor"], kind.entity.VIEW, record):
        return fill('<a class="{}" href="{}">{}</a>', classes, kind.url(record.pk), record)
    return fill('<span class="{}">{}</span>', "strong" if classes == "strong" else "", record)


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
