"""What a workspace that came back takes up again of its archives."""

from __future__ import annotations

from tenants import claiming
from tenants.claiming import WorkspaceClaimed
from tenants.inside import services as inside

from . import services


@claiming.returned(50)
def keep_fresh(claimed: WorkspaceClaimed) -> None:
    """The firm wanted a fresh archive every week: here too."""
    if inside.preferences().weekly_archive:
        services.begin_weekly()
