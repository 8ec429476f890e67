"""Shares as people read them."""

from __future__ import annotations

from django import template
from django.utils.formats import number_format

register = template.Library()


@register.filter
def share(hundredths: int | None) -> str:
    """Hundredths of a percent as "93.3 %"; a dash where there is nothing to compare with."""
    return "–" if hundredths is None else f"{number_format(round(hundredths / 100, 1), 1)} %"
