"""The place of a card in its column: a text that sorts between its neighbours, so that moving one writes one row.

New deals rank by their time, newest on top, without reading anyone; a moved one gets the middle between its neighbours.
"""

from __future__ import annotations

import secrets
from datetime import datetime

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_WIDTH, _END = 9, 2**53


def fresh(at: datetime, *, position: int = 0) -> str:
    """The rank of a deal made at a moment; `position` keeps the order of a batch, the first on top."""
    left, key = _END - int(at.timestamp() * 1_000_000) + position, ""
    for _ in range(_WIDTH):
        left, digit = divmod(left, 62)
        key = DIGITS[digit] + key
    return key + DIGITS[1 + secrets.randbelow(61)]


def between(before: str, after: str | None) -> str:
    """A rank above `after` and below `before` ("": the top; None: the end). Raises ValueError unless before < after."""
    if after is not None and before >= after:
        raise ValueError("ranks out of order")
    return _middle(before, after)


def _middle(low: str, high: str | None) -> str:
    if high is not None:
        same = 0
        while same < len(high) and (low[same] if same < len(low) else "0") == high[same]:
            same += 1
        if same:
            return high[:same] + _middle(low[same:], high[same:])
    first = DIGITS.index(low[0]) if low else 0
    last = DIGITS.index(high[0]) if high else 62
    if last - first > 1:
        return DIGITS[(first + last + 1) // 2]
    if high is not None and len(high) > 1:
        return high[0]
    return DIGITS[first] + _middle(low[1:], None)
