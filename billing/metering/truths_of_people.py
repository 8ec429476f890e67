"""How seats are counted."""

from __future__ import annotations

from crm_platform.accounts.models import Access, Seat, SeatState, User

from .proof import truth


@truth("users")
def seats() -> int:
    """People with access or an invitation, whose role is more than looking, on a seat of their own that they have."""
    return User.objects.filter(access__in=(Access.ACTIVE, Access.INVITED), role__view_only=False, seat=Seat.NAMED, seat_state=SeatState.HELD).count()


@truth("viewers")
def viewers() -> int:
    """The same with a view-only role."""
    return User.objects.filter(access__in=(Access.ACTIVE, Access.INVITED), role__view_only=True).count()
