"""Addresses which a page may have hundreds of: a pattern is looked up once a process."""

from __future__ import annotations

import functools
from collections.abc import Callable

from django.urls import get_urlconf, reverse

_NUMBER = 907_070_709


@functools.cache
def _plain(name: str, urlconf: str | None) -> str:
    return reverse(name, urlconf)


@functools.cache
def _around(name: str, urlconf: str | None) -> tuple[str, str]:
    head, _number, tail = reverse(name, urlconf, args=[_NUMBER]).partition(str(_NUMBER))
    return head, tail


def plain(name: str) -> str:
    """The address of that name, which takes no argument; raises NoReverseMatch for a name that nothing bears."""
    return _plain(name, get_urlconf())


def numbered(name: str, pk: int) -> str:
    """The address of that name for a record's number; raises NoReverseMatch for a name that nothing bears."""
    head, tail = _around(name, get_urlconf())
    return f"{head}{pk:d}{tail}"


def numbering(name: str) -> Callable[[int], str]:
    """`numbered` for many records of one name."""
    head, tail = _around(name, get_urlconf())
    return lambda pk: f"{head}{pk:d}{tail}"
