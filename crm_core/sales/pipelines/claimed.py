"""What a new workspace gets: its first pipeline, in its founder's language."""

from __future__ import annotations

from django.utils import translation

from tenants import claiming
from tenants.claiming import WorkspaceClaimed

from . import services


@claiming.inside(30)
def first_pipeline(claimed: WorkspaceClaimed) -> None:
    """One pipeline and the usual reasons for losing."""
    with translation.override(claimed.language):
        services.make_first()
