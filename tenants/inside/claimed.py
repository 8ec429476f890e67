"""What a new workspace gets before anything else: its two rows, and its first person."""

from __future__ import annotations

from crm_platform.accounts import services as people
from tenants import claiming
from tenants.claiming import WorkspaceClaimed

from .models import Preferences, WorkspaceState


@claiming.inside(5)
def write_rows(claimed: WorkspaceClaimed) -> None:
    """The workspace's state (billing fills it) and the firm's first choices."""
    place = claimed.place
    WorkspaceState.objects.get_or_create(pk=1, defaults={"public_id": place.public_id, "generation": place.generation})
    Preferences.objects.get_or_create(
        pk=1,
        defaults={
            "firm": claimed.firm, "language": claimed.language, "time_zone": claimed.time_zone,
            "currency": claimed.currency, "country": claimed.country, "first_steps": True,
        },
    )  # fmt: skip


@claiming.inside(20)
def make_people(claimed: WorkspaceClaimed) -> None:
    """The roles, and the owner."""
    people.found_workspace(claimed.email, password_hash=claimed.password, name=claimed.name, language=claimed.language)
