"""One look at what waits on a side: whether something is to be done now, and when the next of it is due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from crm_platform.kernel import clock

# One statement of two tables of one schema, so that Citus, too, sends it to one server.
_LOOK = (
    "SELECT EXISTS (SELECT FROM event WHERE pending), min(CASE state WHEN 'waiting' THEN at ELSE leased_until END) FROM job WHERE state IN ('waiting', 'running')"
)


@dataclass(frozen=True, slots=True)
class Glance:
    """What was seen: whether events wait to be handed on, and when the earliest open job wants to be served (None: there is none)."""

    pending: bool
    next_at: datetime | None

    @property
    def due(self) -> bool:
        """Whether something is to be done now."""
        return self.pending or (self.next_at is not None and self.next_at <= clock.real_now())


def glance() -> Glance:
    """Look, in one statement. Inside a unit."""
    with connection.cursor() as cursor:
        cursor.execute(_LOOK)
        pending, next_at = cursor.fetchone()
    return Glance(bool(pending), next_at)
