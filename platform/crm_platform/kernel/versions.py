"""What was counted stays right until something of it changes: a version per workspace and kind, raised after each commit.

A figure is kept in the cache under the version it was read at; a reader who saw the old version can only have kept it
under the old one. A cache that does not answer means that everything is counted anew.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.core.cache import cache
from django.db import transaction
from redis.exceptions import RedisError

from . import ids, units

T = TypeVar("T")
KEPT_FOR = 300


def bump(name: str) -> None:
    """Something of this kind changes in this unit: after its commit, what was kept is no longer asked for."""
    kept = units.store()
    if f"bumped:{name}" in kept:
        return
    kept[f"bumped:{name}"] = True
    transaction.on_commit(lambda: _raise(name))


def _raise(name: str) -> None:
    try:
        cache.set(f"version.{name}", ids.random_id(8), None)
    except RedisError:
        return


def remembered(name: str, key: str, count: Callable[[], T]) -> T:
    """The figure of `key` as of the present version of `name`, counted where nobody has yet.

    Inside a unit that has itself changed something it is always counted.
    """
    if f"bumped:{name}" in units.store():
        return count()
    try:
        version = cache.get(f"version.{name}", "0")
        full = f"figure.{name}.{version}.{key}"
        found: T | None = cache.get(full)
        if found is None:
            found = count()
            cache.set(full, found, KEPT_FOR)
    except RedisError:
        return count()
    return found
