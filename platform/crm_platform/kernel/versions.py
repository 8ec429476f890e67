"""What was read stays right until something of it changes: a version per workspace and table, raised by whoever writes the table.

Every statement passes one place (`db.base`), so nobody can forget to raise a version: services, third parties and raw SQL
alike. The version changes after the commit. What was read is kept in this process, figures also in the cache that all
processes share; both under the version that was current when the unit of work began, so a reader who saw the old version
can only have kept things under the old one. A cache that does not answer means that everything is read anew.

What is `kept` is shared by all threads of the process: rows to look at, never to change. A service locks and reads its own.
"""

from __future__ import annotations

import functools
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any, TypeVar

import redis
from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from redis.exceptions import RedisError

from . import ids, units, workspace

T = TypeVar("T")
# Seconds: for what a process keeps, and for how long an unused version is remembered.
KEPT_FOR, VERSION_FOR = 300, 30 * 86400
MOST = 20_000
_WRITTEN = re.compile(r'\s*(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM|COPY|TRUNCATE)\s+(?:ONLY\s+)?"?([a-z_]+)"?', re.IGNORECASE)
# Nothing is kept of these: logs, queues, counters and sessions, which change with everything.
_RESTLESS = frozenset({"event", "inbox_message", "job", "letter", "outbound_delivery", "counter", "import_run", "import_row", "django_session", "usersessions_usersession", "seat_day", "seat_place"})
# No table's name begins so.
_MARK = "mark."
_NONE: frozenset[str] = frozenset()
_kept: dict[tuple[str, str, tuple[str, ...]], tuple[float, Any]] = {}
_quiet: ContextVar[bool] = ContextVar("versions_quiet", default=False)


def note_write(execute: Callable[..., Any], statement: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """Execute wrapper of the workspaces' connections: whoever writes a table raises its version."""
    found = _WRITTEN.match(statement) if isinstance(statement, str) else None
    if found:
        bump(found.group(1))
    return execute(statement, params, many, context)


@contextmanager
def quiet() -> Iterator[None]:
    """Write what nobody keeps (when someone was last seen), without raising the version."""
    token = _quiet.set(True)
    try:
        yield
    finally:
        _quiet.reset(token)


def bump(table: str) -> None:
    """A table is written in this unit: after its commit, what was kept of it is no longer asked for."""
    if table in _RESTLESS or _quiet.get():
        return
    unit = units.store()
    for key in [key for key in unit if key.startswith("read:kept.")]:
        del unit[key]
    if units.within():
        unit.setdefault("written", set()).add(table)
    else:
        place = workspace.current()
        transaction.on_commit(lambda: _raise({table}), using=place.alias if place else None)


def raise_written() -> None:
    """Raise what the unit wrote: called by the connection right after its commit (`db.base`).

    Not a hook of `transaction.on_commit`: a savepoint taken back would take the hook with it and leave the later writes unsaid.
    """
    written = units.store().get("written")
    if written:
        _raise(written)


def _raise(tables: set[str]) -> None:
    name = _name()
    try:
        with _redis().pipeline(transaction=False) as both:
            both.hset(name, mapping={table: ids.random_id(8) for table in tables})
            both.expire(name, VERSION_FOR)
            both.execute()
    except RedisError:
        _kept.clear()


def kept_in_unit(name: str, find: Callable[[], T]) -> T:
    """What is made of kept things, found once in a unit, and anew as soon as the unit writes anything."""
    unit, mine = units.store(), f"read:kept.{name}"
    if mine not in unit:
        unit[mine] = find()
    return unit[mine]  # type: ignore[no-any-return]


def kept(name: str, tables: tuple[str, ...], load: Callable[[], T]) -> T:
    """What small tables hold, read once and kept in this process until one of them is written. See the module: not to be changed."""
    return kept_in_unit(name, lambda: _from_process(name, tables, load))


def remembered(tables: tuple[str, ...], key: str, count: Callable[[], T]) -> T:
    """A figure that costs the database something: kept in the process and in the shared cache until one of the tables is written.

    Inside a unit that has itself written one of them it is always counted.
    """
    return _from_process(key, tables, lambda: _from_cache(tables, key, count))


def _from_process(name: str, tables: tuple[str, ...], load: Callable[[], T]) -> T:
    versions = _versions(tables)
    if versions is None:
        return load()
    full, now = (workspace.prefix(), name, versions), time.monotonic()
    found = _kept.get(full)
    if found is not None and now - found[0] < KEPT_FOR:
        return found[1]  # type: ignore[no-any-return]
    value = load()
    if len(_kept) > MOST:
        _kept.clear()
    _kept[full] = now, value
    return value


def _from_cache(tables: tuple[str, ...], key: str, count: Callable[[], T]) -> T:
    versions = _versions(tables)
    if versions is None:
        return count()
    full = f"figure.{'.'.join(versions)}.{key}"
    try:
        found: T | None = cache.get(full)
        if found is None:
            found = count()
            cache.set(full, found, KEPT_FOR)
    except RedisError:
        return count()
    return found


def _versions(tables: tuple[str, ...]) -> tuple[str, ...] | None:
    """The tables' versions as of the beginning of the unit; None where nothing may be kept: written in this unit, no unit, no cache."""
    unit = units.store()
    if not units.within() or not unit.get("written", _NONE).isdisjoint(tables):
        return None
    mine = f"versions.{workspace.prefix()}"
    present: dict[str, str] | None = unit.get(mine)
    try:
        if present is None:
            present = unit[mine] = _redis().hgetall(_name())
        for table in tables:
            if table not in present:
                present[table] = _first(table)
    except RedisError:
        return None
    return tuple([present[table] for table in tables])


def mark(name: str) -> None:
    """Remember beside the versions that something happened here just now: every page reads them, so that asking costs it nothing more."""
    with suppress(RedisError), _redis().pipeline(transaction=False) as both:
        both.hset(_name(), f"{_MARK}{name}", int(time.time()))
        both.expire(_name(), VERSION_FOR)
        both.execute()


def marked(name: str, *, within: float) -> bool:
    """Whether it happened in so many seconds before the unit began; never where the cache is away."""
    if _versions(()) is None:
        return False
    since = units.store()[f"versions.{workspace.prefix()}"].get(f"{_MARK}{name}")
    return since is not None and time.time() - int(since) < within


def _first(table: str) -> str:
    """A version for a table that has none: never written, or the cache was emptied. Whoever comes first gives it."""
    name = _name()
    with _redis().pipeline(transaction=False) as all_three:
        all_three.hsetnx(name, table, ids.random_id(8))
        all_three.expire(name, VERSION_FOR)
        all_three.hget(name, table)
        return str(all_three.execute()[-1])


def _name() -> str:
    """All versions of a workspace are one hash, so that a page asks for them in one short round trip."""
    return f"{workspace.prefix()}:versions"


@functools.cache
def _redis() -> Any:
    return redis.Redis.from_url(settings.CACHE_REDIS_URL, decode_responses=True, socket_timeout=5, socket_connect_timeout=2)


def forget_workspace(place: workspace.Place) -> None:
    """An erased workspace's versions go at once; what was kept under them falls out by its age. A cache that does not answer forgets by itself."""
    with suppress(RedisError):
        _redis().delete(f"{place.prefix}:versions")
