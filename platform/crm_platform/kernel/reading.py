"""What addresses and forms say, read with care: a number that is none, or that no column holds, is nobody's error."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, tzinfo

# What a bigint holds; "²" is a digit to Python and no number.
_WHOLE = re.compile(r"[0-9]{1,18}")
# The years a moment may lie in: what both Python and the database hold, and a day less at the end, so that no time zone puts it beyond.
_EARLIEST, _LATEST = -2_208_988_800, 253_402_214_399


def whole(text: str | None) -> int | None:
    """The whole number that a text is, or None: for keys and pages in addresses."""
    return int(text) if text and _WHOLE.fullmatch(text) else None


def signed(text: str | None) -> int | None:
    """The same with a minus before it, perhaps, and blanks around."""
    plain = (text or "").strip()
    found = whole(plain.removeprefix("-"))
    return -found if found is not None and plain.startswith("-") else found


def number(value: object) -> int | None:
    """The whole number that a value of JSON says: as such, as a text, as 5.0; yes and no are 1 and 0. None for any other."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    return signed(value) if isinstance(value, str) else None


def moment(value: object, *, zone: tzinfo = UTC) -> datetime | None:
    """Unix seconds or RFC 3339 as a moment, of a text that names no offset in `zone`; None where it is neither, or beyond 1900 and the last day but one of 9999.

    Fractions, which some clients send, are cut off.
    """
    seconds = int(value) if isinstance(value, float) and math.isfinite(value) else number(value)
    if seconds is None and isinstance(value, str):
        try:
            read = datetime.fromisoformat(value.strip())
            seconds = int((read if read.tzinfo else read.replace(tzinfo=zone)).timestamp())
        except (ValueError, OverflowError):
            return None
    return datetime.fromtimestamp(seconds, UTC) if seconds is not None and _EARLIEST <= seconds <= _LATEST else None


def at_place(told: datetime, zone: tzinfo) -> datetime | None:
    """What a clock there shows as a moment, of two the earlier; None for an hour that is skipped when clocks go forward."""
    found = told.replace(tzinfo=zone)
    is_skipped = 1 < told.year < 9999 and found.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != told
    return None if is_skipped else found


def wholes(text: str) -> list[int]:
    """The whole numbers of a list parted by commas; what is none is left out."""
    return [number for number in map(whole, text.split(",")) if number is not None]


def without_nul(text: str) -> str:
    """A text as the database can hold it: PostgreSQL's texts have no NUL."""
    return text.replace("\0", "")
