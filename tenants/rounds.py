"""A duty done for several workspaces in each round of the keeper: whoever fails stops no other, however many fail and for however long.

A round takes a few, so that no duty holds up the next. Were they always taken in the same order, a few that cannot be dealt
with (their database is down, their schema was deleted by hand, somebody outside does not answer) would be all that is ever
taken. So those that failed or wait come after those that did not, and of a database that does not answer one a round is
tried, not each with its own wait.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import psycopg
from django.db import DatabaseError, InterfaceError, close_old_connections
from django.db.models import QuerySet
from redis.exceptions import RedisError

from crm_platform.db.sides import control_unit
from crm_platform.kernel.errors import CrmError

_log = logging.getLogger("kartoteka.keeper")
# What one workspace's failure may be; anything else is a mistake of ours, and the duty's.
TROUBLE = (DatabaseError, InterfaceError, psycopg.Error, RedisError, OSError, CrmError)
_LOST = ("08", "57P")


def is_lost(error: BaseException) -> bool:
    """Whether the database went away or was not to be reached, rather than that it refused something: then it concerns all who live there."""
    cause = error if isinstance(error, psycopg.Error) else error.__cause__
    if not isinstance(cause, psycopg.Error):
        return False
    if cause.sqlstate is None:  # the server said nothing any more: not one of the errors that stand for what it says
        return type(cause) in (psycopg.OperationalError, psycopg.InterfaceError, psycopg.DatabaseError)
    return cause.sqlstate.startswith(_LOST)  # that a schema or a role is gone is nobody else's trouble


class Rounds:
    """What a duty remembers from round to round: who failed, and in which order. Of this process alone; a new one begins with everybody."""

    def __init__(self, what: str, *, most: int) -> None:
        self._what, self._most = what, most
        self._failed: dict[int, int] = {}
        self._number = 0

    def go(self, waiting: QuerySet[Any], do: Callable[[Any], object], *, of: Callable[[Any], Any] = lambda row: row) -> int:
        """Do it for up to `most` of those that wait; how many went well (what `do` gives is False where it has to wait).

        `of` gives the workspace of a row. Opens a control unit; `do` is called outside of it.
        """
        well, silent, passed_over, failed = 0, set[str](), list[int](), list[int]()
        for row in self._chosen(waiting):
            workspace = of(row)
            if workspace.alias in silent:
                passed_over.append(row.pk)
                continue
            try:
                if do(row) is False:
                    passed_over.append(row.pk)  # it waits for somebody: others are not to wait for that with it
                    continue
                well += 1
                self._failed.pop(row.pk, None)
            except TROUBLE as error:
                failed.append(row.pk)
                _log.warning("one of a duty's has to wait", extra={"duty": self._what, "workspace": workspace.public_id, "error": str(error).strip()}, exc_info=error)
                close_old_connections()
                if is_lost(error):
                    silent.add(workspace.alias)
        for pk in passed_over + failed:  # of a silent database another one is tried the next time
            self._number += 1
            self._failed[pk] = self._number
        return well

    def _chosen(self, waiting: QuerySet[Any]) -> list[Any]:
        with control_unit():
            keys = list(waiting.values_list("pk", flat=True))
            waits = set(keys)
            self._failed = {pk: number for pk, number in dict(self._failed).items() if pk in waits}  # two threads may share a duty
            chosen = sorted(keys, key=lambda pk: self._failed.get(pk, 0))[: self._most]
            found = {row.pk: row for row in waiting.filter(pk__in=chosen)} if chosen else {}
        return [found[pk] for pk in chosen if pk in found]
