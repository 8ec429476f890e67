"""How the workspace's seats are counted, as the control side told it."""

from __future__ import annotations

from dataclasses import dataclass

from billing.pricing.terms import Seats
from tenants.inside import services as inside


@dataclass(frozen=True, slots=True)
class SeatTerms:
    """`bought` seats of a kind; `occasional` is the ceiling of active days a month, None where there are no occasional seats."""

    kind: str = Seats.NAMED
    bought: int = 0
    occasional: int | None = None


def terms() -> SeatTerms:
    """Those of the workspace we are in."""
    told = getattr(inside.seen_state(), "seats", None) or {}
    return SeatTerms(told.get("kind", Seats.NAMED), told.get("bought", 0), told.get("occasional"))
