"""What an account has and stays over there: counted when one looks around, told before a move and in its report, with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from .models import Left, Move, Moved

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

LABELS: dict[str, str | _StrPromise] = {
    "customers": _("Customers of repeat sales"), "segments": _("Segments of customers"), "transactions": _("Purchases of customers"),
    "unsorted": _("Incoming leads that nobody accepted yet"), "elements": _("Elements of lists that are no products"),
}  # fmt: skip
_NO_CUSTOMERS = _("Repeat sales are not moved: they have no page here yet. They stay over there, and the API of that account gives them.")
REASONS = {
    "customers": _NO_CUSTOMERS, "segments": _NO_CUSTOMERS, "transactions": _NO_CUSTOMERS,
    "unsorted": _("Nobody has accepted them, so they are no deals yet. Accept or decline them over there, then move again."),
    "elements": _("Only lists of products are moved: other lists have no page here yet."),
}  # fmt: skip


def counted(move: Move) -> list[tuple[str, int]]:
    """How much stays, by kind; nothing of which there is none."""
    counts = move.inventory.get("counts", {})
    return [(kind, counts[kind]) for kind in LABELS if counts.get(kind)]


def tell(move: Move) -> None:
    """Into the report: one line a kind, with how many there are in place of a name."""
    Left.objects.bulk_create([Left(move=move, kind=kind, name=_now("{n} in all").format(n=number), reason=str(REASONS[kind])) for kind, number in counted(move)])


# What is counted again at the end: lists by pages, of which a row can slip while one reads them.
_PAGED = ("companies", "contacts", "leads", "tasks")


def tell_missing(move: Move) -> None:
    """Into the report: of which kind fewer came, or were left with a reason, than were counted when one looked around."""
    for kind in _PAGED:
        came = Moved.objects.filter(origin=move.host, kind=kind)
        left = Left.objects.filter(move=move, kind=kind).exclude(foreign_id__in=came.values("foreign_id")).values("foreign_id").distinct()
        number = move.inventory.get("counts", {}).get(kind, 0) - came.count() - left.count()
        if number > 0:
            reason = _now("Counted over there, and not met again: deleted meanwhile, or moved to another page of the list while it was read. Move again to make sure; what is here is not doubled.")
            Left.objects.create(move=move, kind=kind, name=_now("{n} in all").format(n=number), reason=reason)
