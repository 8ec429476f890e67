"""What the bench of the intake door needs inside a workspace."""

from __future__ import annotations

from crm_core.sales.incoming import sources
from crm_platform.db import sides
from crm_platform.kernel.permissions import robot
from tenants.finding import awake


def source_of(slug: str) -> dict[str, str]:
    """A source of programs, and its key."""
    with sides.unit(awake(slug).place):
        return {"key": sources.key_of(sources.add(robot("bench"), name="Bench", kind="api"))}
