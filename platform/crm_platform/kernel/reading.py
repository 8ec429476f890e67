"""What addresses and forms say, read with care: a number that is none, or that no column holds, is nobody's error."""

from __future__ import annotations

import re

# What a bigint holds; "²" is a digit to Python and no number.
_WHOLE = re.compile(r"[0-9]{1,18}")


def whole(text: str | None) -> int | None:
    """The whole number that a text is, or None: for keys and pages in addresses."""
    return int(text) if text and _WHOLE.fullmatch(text) else None


def signed(text: str | None) -> int | None:
    """The same with a minus before it, perhaps, and blanks around."""
    plain = (text or "").strip()
    found = whole(plain.removeprefix("-"))
    return -found if found is not None and plain.startswith("-") else found


def wholes(text: str) -> list[int]:
    """The whole numbers of a list parted by commas; what is none is left out."""
    return [number for number in map(whole, text.split(",")) if number is not None]


def without_nul(text: str) -> str:
    """A text as the database can hold it: PostgreSQL's texts have no NUL."""
    return text.replace("\0", "")
