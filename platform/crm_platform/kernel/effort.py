"""What one unit of work may cost the database: how long a statement may run, wait for a lock, and lie idle.

The limits stand in the packet that begins the transaction (`db.base`): no round trip more, and they end with it, also
behind PgBouncer. Whoever opens units says which effort they are; a command of the operator has no limits.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.urls import URLPattern, get_resolver


class Effort(StrEnum):
    """A page as usual, an answer while one types, a report or export, a slice of a job, a command."""

    REQUEST = "request"
    TYPING = "typing"
    REPORT = "report"
    JOB = "job"
    COMMAND = "command"


_effort: ContextVar[Effort] = ContextVar("effort", default=Effort.COMMAND)


@contextmanager
def use(effort: Effort) -> Iterator[None]:
    """Units opened in the block are of this effort."""
    token = _effort.set(effort)
    try:
        yield
    finally:
        _effort.reset(token)


def current() -> Effort:
    """The effort of the units that are opened here."""
    return _effort.get()


def statement_seconds(effort: Effort) -> int:
    """How long one statement may run; 0: as long as it takes."""
    seconds: dict[Effort, int] = {
        Effort.REQUEST: settings.CRM_STATEMENT_SECONDS, Effort.TYPING: settings.CRM_TYPING_SECONDS,
        Effort.REPORT: settings.CRM_REPORT_SECONDS, Effort.JOB: settings.CRM_JOB_STATEMENT_SECONDS,
    }  # fmt: skip
    return seconds.get(effort, 0)


def limits() -> str:
    """What the packet that begins a unit says of them; nothing for a command."""
    effort = _effort.get()
    if effort == Effort.COMMAND:
        return ""
    statement = f"; SET LOCAL statement_timeout = {statement_seconds(effort) * 1000}"
    lock = f"; {limit}" if (limit := lock_limit()) else ""
    return f"{statement}{lock}; SET LOCAL idle_in_transaction_session_timeout = {settings.CRM_IDLE_SECONDS * 1000}"


def lock_limit() -> str:
    """The statement that says how long the unit waits for a lock; nothing for a command, nor for a job, which may wait as long as its statement may run: nobody looks on."""
    return "" if _effort.get() in (Effort.COMMAND, Effort.JOB) else f"SET LOCAL lock_timeout = {settings.CRM_LOCK_SECONDS * 1000}"


def typing(view: Any) -> Any:
    """Mark a view that answers while one types: it has to be quick, or not at all."""
    view.effort = Effort.TYPING
    return view


def report(view: Any) -> Any:
    """Mark a view that reads much: a report, an export."""
    view.effort = Effort.REPORT
    return view


def of_path(path: str, *, urlconf: str) -> Effort:
    """The effort of a request, known before its view is: its unit is opened first."""
    beginning = path.split("/", 2)[1]
    for matches, effort in _marked(urlconf).get(beginning, ()):
        if matches(path[1:]):
            return effort
    return Effort.REQUEST


@functools.cache
def _marked(urlconf: str) -> dict[str, list[tuple[Callable[[str], Any], Effort]]]:
    """The marked views of a site by the first part of their address; a mark stands on an address that begins with a fixed word."""
    found: dict[str, list[tuple[Callable[[str], Any], Effort]]] = {}
    for pattern in _patterns(get_resolver(urlconf).url_patterns):
        effort = getattr(pattern.callback, "effort", None)
        if effort is not None:
            found.setdefault(str(pattern.pattern).split("/", 1)[0], []).append((pattern.pattern.match, effort))
    return found


def _patterns(several: Any) -> Iterator[URLPattern]:
    for one in several:
        if isinstance(one, URLPattern):
            yield one
        elif not str(one.pattern):  # slices are included at the root; others mark nothing
            yield from _patterns(one.url_patterns)
