"""Letters that arrive: in the embedded run, what is put into its mailbox for an address that makes leads."""

from __future__ import annotations

from collections.abc import Callable, Sequence

# `(raw letter, recipients)`: whoever makes something of a letter; it opens its own units.
_taker: Callable[[bytes, Sequence[str]], None] | None = None


def answer(taker: Callable[[bytes, Sequence[str]], None]) -> None:
    """Name who takes letters that arrive (the slice of leads, once, at start-up)."""
    global _taker
    _taker = taker


def arrive(raw: bytes, recipients: Sequence[str]) -> None:
    """A letter is there for these readers."""
    if _taker is not None:
        _taker(raw, recipients)
