"""Tags about the plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template

from billing import views
from billing.console import telling, words

register = template.Library()


@register.simple_tag
def trial_days() -> int:
    """Days until the trial ends; 0 where there is none."""
    return views.trial_days_left()


@register.filter
def act_told(name: str) -> str:
    """What an operator did, in words; the name of its event where there are none."""
    return str(words.ACTS.get(name, name))


@register.filter
def facts_told(values: Mapping[str, Any]) -> str:
    """What an act keeps, in words."""
    return telling.facts(values, currency=str(values.get("currency") or ""))
