"""What seats do when the plan changes."""

from __future__ import annotations

from crm_platform.events.backbone import on
from crm_platform.events.models import Event

from . import tasks


@on("plan.changed", "seats.removed", "billing.state_changed")
def fewer_seats(_event: Event) -> None:
    """Watch whether the firm chooses who stays."""
    tasks.watch()
