"""django-tenants' backend, entered by transaction instead of by session (tenancy.md section 3).

When a workspace is entered and `atomic` turns autocommit off, one simple-query packet begins the transaction, takes the
workspace's role, sets its schema as the only search path and the limits of what is to be done. It replaces psycopg's own BEGIN, so tenancy costs no round
trip; `SET LOCAL` dies with the transaction, so nothing is left for the next user of the connection.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

import psycopg
from django.conf import settings
from django.db import OperationalError
from django_tenants.postgresql_backend import base as stock
from psycopg import pq
from psycopg.errors import error_from_result
from psycopg.generators import execute

from crm_platform.kernel import effort, neighbours, versions, workspace

from . import silence
from .moments import MomentLoader
from .sides import CONTROL, is_owner, refuse_control_writes

_SCHEMA = re.compile(r"w_[a-z0-9]{4,40}\Z")
# Where the rows lie on other servers (Citus, decision 0017), a lock is waited for there: from here on settings go along. Citus sends them
# with all of the packet that they stand in, so the one that is to go along is sent alone: there, one round trip more.
_GOES_ALONG = "; SET LOCAL citus.propagate_set_commands = 'local'"
# Whether a database is such a one, as it said itself when it was entered first.
_spread: dict[tuple[str, int, str], bool] = {}


class DatabaseWrapper(stock.DatabaseWrapper):  # type: ignore[misc]  # django-tenants carries no types
    """One connection: of the owner (search path by django-tenants), of control, or of a cell (entered by packet)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Whether it is the application's login to a database of workspaces.
        self.is_cell = self.alias != CONTROL and not is_owner(self.alias)
        if self.alias == CONTROL:
            self.execute_wrappers.append(refuse_control_writes)
        elif self.is_cell:
            self.execute_wrappers += [versions.note_write, neighbours.timed]
        # The schemas this connection has entered: what its backend remembers of each makes it grow.
        self.entered: set[str] = set()

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        if not self.is_cell:
            connection = super().get_new_connection(conn_params)
        else:
            silence.refuse(self.alias)
            with silence.connecting(self.alias, seconds=float(conn_params.get("connect_timeout", silence.BEGINNING))):
                connection = super().get_new_connection(conn_params)
            silence.watch(connection, self.alias)
        self.entered.clear()
        if self.timezone is MomentLoader.timezone:
            connection.adapters.register_loader("timestamptz", MomentLoader)
        return connection

    def _handle_search_path(self, cursor: Any = None) -> None:
        """Only the keeper's connection has a path that lasts; cells have one per transaction."""
        if is_owner(self.alias):
            super()._handle_search_path(cursor)

    def _get_cursor_search_paths(self) -> list[str]:
        """The schema alone: a migration that reaches beside its schema must fail, not find `control`."""
        return [self.schema_name]

    def _commit(self) -> None:
        super()._commit()
        if self.is_cell:
            versions.raise_written()
            silence.heard(self.alias)

    def _rollback(self) -> None:
        super()._rollback()
        if self.is_cell:
            silence.heard(self.alias)

    def is_usable(self) -> bool:
        """Whether the connection can go on; of a database of workspaces it is asked briefly, and not at all where it did not answer just now."""
        if not self.is_cell:
            return bool(super().is_usable())
        if silence.is_noted(self.alias):
            return False
        with silence.within(silence.ASKING):
            return bool(super().is_usable())

    def _set_autocommit(self, autocommit: bool) -> None:
        place = workspace.current()
        if autocommit or place is None or place.alias != self.alias:
            super()._set_autocommit(autocommit)
            return
        with self.wrap_database_errors:  # before anything of the connection is changed: a refused unit leaves it as it was
            silence.refuse(self.alias)
        super()._set_autocommit(autocommit)
        if self.connection.info.transaction_status == pq.TransactionStatus.IDLE:
            self._enter(place.schema)

    def _enter(self, schema: str) -> None:
        if not _SCHEMA.match(schema):
            raise ValueError("not a workspace schema")
        packet = f'BEGIN; SET LOCAL ROLE "{schema}"; SET LOCAL search_path = "{schema}"{effort.limits()}'
        lock = effort.lock_limit()
        self._note_entered(schema)
        with self.wrap_database_errors:
            if lock and self._is_spread():
                packet += _GOES_ALONG
            else:
                lock = ""
            result = self._send(packet)
            if lock and result.status == pq.ExecStatus.COMMAND_OK:
                result = self._send(lock)
        if result.status != pq.ExecStatus.COMMAND_OK:
            message = result.error_message.decode(errors="replace")
            # The failed packet leaves an aborted transaction; the connection must not carry it into the next unit.
            with suppress(psycopg.Error):  # no connection any more: nothing to carry over
                self.connection.pgconn.exec_(b"ROLLBACK")
                self.connection.autocommit = True  # as Django believes it is: else the look whether it is usable would begin a transaction that nobody ends
            self.errors_occurred = True
            # The cause says whether the server went away or refused; whoever asks need not read its sentence.
            raise OperationalError(f"could not enter the workspace: {message.strip()}") from error_from_result(result)

    def _send(self, packet: str) -> Any:
        """Its last answer, or the first that is wrong."""
        pgconn = self.connection.pgconn
        pgconn.send_query(packet.encode())
        return self.connection.wait(execute(pgconn), timeout=None if silence.patience() is None else silence.BEGINNING)[-1]

    def _is_spread(self) -> bool:
        """Whether the rows lie on other servers; the database is asked once a process."""
        info = self.connection.info
        key = info.host, info.port, info.dbname
        if key not in _spread:
            result = self._send("SELECT 1 FROM pg_extension WHERE extname = 'citus'")
            if result.status != pq.ExecStatus.TUPLES_OK:
                return False  # it has gone: entering will say so
            _spread[key] = result.ntuples == 1
        return _spread[key]

    def _note_entered(self, schema: str) -> None:
        """After so many workspaces the connection is closed at the end of the request or slice: its backend's memory goes with it."""
        self.entered.add(schema)
        if len(self.entered) >= settings.CRM_CONNECTION_WORKSPACES:
            self.close_at = 0.0
