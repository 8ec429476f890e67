"""The reason of deals that a program lost without saying why: nobody chooses it, and figures show it as what it is."""

from __future__ import annotations

from crm_platform.kernel import clock

from .models import UNSAID, LostReason
from .queries import Board, everything


def reason() -> LostReason:
    """The reason, made with the first deal that needs it; out of use from the beginning, so that no form offers it."""
    board = everything()
    found = next((one for one in board.reasons.values() if is_unsaid(board, one.pk)), None)
    return found or LostReason.objects.create(name=UNSAID, order=10_000, archived_at=clock.now())


def is_unsaid(board: Board, pk: int | None) -> bool:
    """Whether a deal's reason is this one."""
    found = board.reasons.get(pk or 0)
    return found is not None and found.name == UNSAID and found.archived_at is not None
