"""Where we are: the workspace of this request or job, held in a ContextVar, entered through a port.

`tenants` answers the port at start-up; everyone else only asks.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass

from django.conf import settings

from .errors import NoWorkspace


@dataclass(frozen=True, slots=True)
class Place:
    """One workspace as code needs to know it to work inside: names only, no row.

    `public_id` travels outside; with `generation` it stands in every key, path, signature and log line.
    `schema` (also the name of its role) and `alias` (its database) come from the registry alone.
    """

    public_id: str
    generation: int
    schema: str
    alias: str
    slug: str
    name: str

    @property
    def prefix(self) -> str:
        """What every cache key, file path and signature of this workspace begins with."""
        return f"{self.public_id}.{self.generation}"

    @property
    def number(self) -> int:
        """The workspace as a number, for programs that know accounts by one: of its public id, the same for ever, below 2**31."""
        return self.uuid.int % (2**31 - 1) + 1

    @property
    def uuid(self) -> uuid.UUID:
        """The same as a UUID."""
        return uuid.uuid5(uuid.NAMESPACE_URL, self.public_id)


_current: ContextVar[Place | None] = ContextVar("workspace", default=None)
_enter: Callable[[Place | str], AbstractContextManager[Place]] | None = None
_unit: Callable[[Place | str], AbstractContextManager[Place]] | None = None


def current() -> Place | None:
    """The workspace we are in, or None on the control side."""
    return _current.get()


def here() -> Place:
    """The workspace we are in; raises NoWorkspace outside of one."""
    place = _current.get()
    if place is None:
        raise NoWorkspace
    return place


def prefix() -> str:
    """The prefix of keys and paths: the workspace's, or `control`."""
    place = _current.get()
    return place.prefix if place else "control"


def url(path: str = "/", *, place: Place | None = None) -> str:
    """The full address of a page of a workspace (of the one we are in), or of the public site outside of one."""
    where = place or _current.get()
    if where is None:
        return f"{settings.PUBLIC_URL}{path}"
    scheme, _, rest = settings.PUBLIC_URL.partition("://")
    port = rest.partition("/")[0].partition(":")[2]
    return f"{scheme}://{where.slug}.{settings.PUBLIC_HOST}{f':{port}' if port else ''}{path}"


def host(*, place: Place | None = None) -> str:
    """The host of `url`, with its port where it has one."""
    return url("", place=place).partition("://")[2]


def answer(
    *,
    enter: Callable[[Place | str], AbstractContextManager[Place]],
    unit: Callable[[Place | str], AbstractContextManager[Place]],
) -> None:
    """Name who opens workspaces (`tenants`, once, at start-up)."""
    global _enter, _unit
    _enter, _unit = enter, unit


def enter(which: Place | str) -> AbstractContextManager[Place]:
    """Stand in a workspace, by Place or public id, with no transaction yet.

    Raises WrongWorkspace inside an open transaction of another, NotFound for an id nobody has.
    """
    if _enter is None:
        raise NoWorkspace
    return _enter(which)


def unit(which: Place | str) -> AbstractContextManager[Place]:
    """Enter and open one durable transaction: a unit of work. Raises as `enter` does."""
    if _unit is None:
        raise NoWorkspace
    return _unit(which)
