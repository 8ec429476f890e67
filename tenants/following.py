"""Following a workspace that moved while somebody was on the way to it: behind the fence nobody reads or writes, so the whole request is served once more."""

from __future__ import annotations

import time
from typing import Any

from django.db import OperationalError
from django.http import HttpRequest

from crm_platform.db import sides
from crm_platform.kernel.errors import Unavailable
from crm_platform.kernel.workspace import Place

from . import routing
from .models import Nap, NapStep, Spare, State, Use

# PostgreSQL's states for "no right" and "no such table": what an old place answers.
_TURNED_AWAY = frozenset({"42501", "42P01"})
# Seconds: between the fence and the registry's new row lies a commit, or the keeper's next round where a process was killed there.
PATIENCE, LOOKS_EVERY = 6.0, 0.05
_OF_THE_FIRST_TRY = ("_cached_user", "_cached_actor", "once_key", "session", "_messages", "user", "actor")


class Elsewhere(Unavailable):
    """The place that was believed turned us away; the cause is the database's error."""

    code = "elsewhere"


def turned_away(error: BaseException | None) -> bool:
    """Whether an exception, or what caused it, is what a fenced or dropped schema answers."""
    while error is not None:
        if getattr(error, "sqlstate", None) in _TURNED_AWAY or (isinstance(error, OperationalError) and "could not enter the workspace" in str(error)):
            return True
        error = error.__cause__
    return False


def found_anew(key: str, old: Place) -> routing.Found | None:
    """What the registry says of an address now, after a place turned us away; waits while the workspace is being carried."""
    until = time.monotonic() + PATIENCE
    while True:
        routing.forget(key)
        found = routing.find_by_address(key)
        if found is None or found.state == State.ASLEEP or not same_place(found.place, old) or time.monotonic() > until or not _carried(old.public_id):
            return found
        time.sleep(LOOKS_EVERY)


def same_place(one: Place, other: Place) -> bool:
    """Whether both are the same schema of the same database."""
    return (one.schema, one.alias) == (other.schema, other.alias)


def _carried(public_id: str) -> bool:
    with sides.outside():
        filling = Spare.objects.filter(owner__public_id=public_id, use=Use.FILLING).exists()
        return filling or Nap.objects.filter(workspace__public_id=public_id, step=NapStep.CLOSING, finished_at=None).exists()


def begin_anew(request: HttpRequest) -> bool:
    """Make a request as new, so that it may be served once more; False where a file that came with it is used up."""
    request.refusal, request.entered = None, False  # type: ignore[attr-defined]
    for name in _OF_THE_FIRST_TRY:
        if hasattr(request, name):
            delattr(request, name)
    files: Any = getattr(request, "_files", None) or {}
    try:
        for _name, several in files.lists() if files else ():
            for file in several:
                file.seek(0)
    except (OSError, ValueError):
        return False
    return True

