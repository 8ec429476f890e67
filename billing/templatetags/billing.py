"""Tags about the plan."""

from __future__ import annotations

from django import template

from billing import views

register = template.Library()


@register.simple_tag
def trial_days() -> int:
    """Days until the trial ends; 0 where there is none."""
    return views.trial_days_left()
