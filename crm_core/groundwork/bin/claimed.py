"""The bin's nightly round begins with the workspace."""

from __future__ import annotations

from tenants import claiming
from tenants.claiming import WorkspaceClaimed

from . import services


@claiming.inside(40)
@claiming.returned(40)
def begin(claimed: WorkspaceClaimed) -> None:
    """Leave the first round."""
    services.begin()
