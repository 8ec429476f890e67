"""What of a text, and of a body of JSON, can be kept and told again."""

from __future__ import annotations

from typing import Any

# Deeper than anything a program means; what is deeper would break whoever writes it anew.
DEEPEST = 64


def clean(text: str) -> str:
    """A text the database takes: no zero bytes, no halves of surrogate pairs."""
    return text if text.isascii() and "\x00" not in text else text.replace("\x00", "").encode("utf-8", "replace").decode()


def sound(value: Any, *, deep: int = 0) -> Any:
    """The same of all texts of a body, of its names too. Raises ValueError for what is nested without end."""
    if isinstance(value, str):
        return clean(value)
    if deep >= DEEPEST:
        raise ValueError("nested too deep")
    if isinstance(value, dict):
        return {clean(name): sound(one, deep=deep + 1) for name, one in value.items()}
    if isinstance(value, list):
        return [sound(one, deep=deep + 1) for one in value]
    return value
