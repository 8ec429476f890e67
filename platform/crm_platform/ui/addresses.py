"""Addresses with one number in them, which a page may have hundreds of: the pattern is looked up once a process."""

from __future__ import annotations

import functools

from django.urls import reverse

_NUMBER = 907_070_709


@functools.cache
def _around(name: str) -> tuple[str, str]:
    head, _number, tail = reverse(name, args=[_NUMBER]).partition(str(_NUMBER))
    return head, tail


def numbered(name: str, pk: int) -> str:
    """The address of that name for a record's number; raises NoReverseMatch for a name that nothing bears."""
    head, tail = _around(name)
    return f"{head}{pk:d}{tail}"
