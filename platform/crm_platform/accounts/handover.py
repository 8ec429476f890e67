"""What a leaving person's open work is, and how it goes to a colleague in one step: slices register theirs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crm_platform.kernel.permissions import Actor

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


@dataclass(frozen=True, slots=True)
class Handover:
    """`count(user_id)` open pieces; `move(actor, from_id, to_id)` hands them over and returns how many."""

    label: str | _StrPromise
    count: Callable[[int], int]
    move: Callable[[Actor, int, int], int]


_registered: list[Handover] = []


def register(handover: Handover) -> None:
    """Add a kind of work."""
    _registered.append(handover)


def open_work(user_id: int) -> list[tuple[str, int]]:
    """What the person still has, in words and counts."""
    counted = [(str(entry.label), entry.count(user_id)) for entry in _registered]
    return [(label, count) for label, count in counted if count]


def hand_over(actor: Actor, *, from_id: int, to_id: int) -> int:
    """Give all open work of one person to another; returns how many pieces moved."""
    return sum(entry.move(actor, from_id, to_id) for entry in _registered)
