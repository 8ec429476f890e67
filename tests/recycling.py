"""When a test is over its committed workspace is nobody's any more, and its schema, emptied, is ready for the next.

To make one takes a fifth of a second, and what stays is visited by every round of the keeper that a later test runs. A schema
that is not what the script makes, a large one, and a workspace that was carried about or left, stay as the test left them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from django.conf import settings
from django.db import models
from psycopg import sql

from crm_platform.db.sides import control_unit
from crm_platform.kernel import ids
from tenants.carrying.models import Spare
from tenants.lifecycle.models import Departure, OwnHost, Suspension
from tenants.models import Domain, Due, EmailIndex, FreshArchive, Signup, State, Workspace
from tenants.moving.models import Move
from tenants.provisioning import engines, owner, pool, template
from tenants.sleeping.models import Nap
from tenants.snapshots.models import Snapshot

# What the rows of a test take at most: more would leave its dead rows to the next.
MOST_BYTES = 4_000_000
# What happened to a workspace that stays: others know of it.
LIVED = (Snapshot, Spare, Move, Nap, OwnHost, Departure)
FORGOTTEN = (Domain, EmailIndex, Due, Signup, Suspension, FreshArchive)
_CONTROL = sql.Identifier(settings.PUBLIC_SCHEMA_NAME)
_SHAPE = f"""
SELECT md5(string_agg(replace(line, %(schema)s, 'w'), chr(10) ORDER BY line)) FROM (
    {template._SHAPE} UNION ALL SELECT 'rights ' || relname || coalesce(relacl::text, '') FROM pg_class WHERE relnamespace = %(schema)s::regnamespace
    UNION ALL SELECT 'member ' || member::regrole::text || (to_jsonb(held) - '{{oid,roleid,member,grantor}}'::text[])::text FROM pg_auth_members held WHERE roleid = %(schema)s::regrole) lines (line)
"""


@dataclass(frozen=True, slots=True)
class Mould:
    """A schema as the script makes it: its shape, which tables are empty, the rows of the others, where its counters stand."""

    shape: str
    bytes: int
    empty: tuple[str, ...]
    seeds: dict[str, str]
    counters: tuple[tuple[str, int, bool], ...]


class Recycler:
    """Has a connection of its own, so that none of the tests' is held or remembers what it did. Its login is a superuser's, or it takes nothing."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        able = self._run("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")[0][0]
        if engines.of(connection).kind == settings.CITUS:  # what is set for a transaction is set where the rows are, too
            self._run("SET citus.propagate_set_commands = 'local'")
        self._mould = self._read(_ready()) if able else None

    def take(self, workspace: Workspace) -> bool:
        """Make a ready workspace of what a test had; False where it stays. Nothing of the test may be open any more."""
        if self._mould is None:
            return False
        try:
            with self._connection.transaction():
                self._run("SET LOCAL session_replication_role = replica; SET LOCAL lock_timeout = '2s'")
                lived = sql.SQL(" AND ").join(sql.SQL("NOT EXISTS (SELECT 1 FROM {} WHERE {} = lives.id)").format(*_where(model)) for model in LIVED)
                plain = sql.SQL("SELECT schema_name FROM {}.workspace lives WHERE id = %s AND state = 'active' AND alias = %s AND template_version = %s AND {}").format(_CONTROL, lived)
                found = self._run(plain, [workspace.pk, owner.FIRST, template.fingerprint()])
                if not found or not self._emptied(found[0][0], self._mould):
                    return False
                self._give_back(workspace.pk, found[0][0])
        except psycopg.errors.LockNotAvailable:  # something of the test holds it still
            return False
        return True

    def _give_back(self, number: int, schema: str) -> None:
        forgotten = [sql.SQL("DELETE FROM {} WHERE {} = {}").format(*_where(model), number) for model in FORGOTTEN]
        gone = sql.SQL("UPDATE {}.workspace SET state = 'erased', slug = NULL, schema_name = {}, erased_at = now() WHERE id = {}").format(_CONTROL, f"gone_{ids.random_id(12)}", number)
        ready = sql.SQL(pool._REGISTER).format(
            control=_CONTROL, name=schema, public_id=ids.random_id(), alias=owner.FIRST, state=State.POOL.value, version=template.fingerprint()
        )
        self._run(sql.SQL("; ").join([*forgotten, gone, ready]))

    def _emptied(self, schema: str, mould: Mould) -> bool:
        if self._size(schema) > mould.bytes + MOST_BYTES or self._shape(schema) != mould.shape:
            return False
        if any(self._rows(schema, name) != rows for name, rows in mould.seeds.items()):
            return False
        asked = sql.SQL(" UNION ALL ").join(sql.SQL("SELECT {} WHERE EXISTS (SELECT 1 FROM {})").format(name, sql.Identifier(schema, name)) for name in mould.empty)
        for (name,) in self._run(asked):
            self._run(sql.SQL("DELETE FROM {}").format(sql.Identifier(schema, name)))
        counters = (sql.SQL("setval({}, {}, {})").format(sql.Identifier(schema, name).as_string(None), last, called) for name, last, called in mould.counters)
        self._run(sql.SQL("SELECT {}").format(sql.SQL(", ").join(counters)))
        return True

    def _read(self, schema: str) -> Mould:
        with self._connection.transaction():
            tables, counters = (
                [name for (name,) in self._run("SELECT relname FROM pg_class WHERE relnamespace = %s::regnamespace AND relkind = %s ORDER BY 1", [schema, kind])] for kind in "rS"
            )
            full = [name for name in tables if self._run(sql.SQL("SELECT 1 FROM {} LIMIT 1").format(sql.Identifier(schema, name)))]
            stand = [(name, *self._run(sql.SQL("SELECT last_value, is_called FROM {}").format(sql.Identifier(schema, name)))[0]) for name in counters]
            seeds = {name: self._rows(schema, name) for name in full}
            return Mould(self._shape(schema), self._size(schema), tuple(name for name in tables if name not in full), seeds, tuple(stand))

    def _size(self, schema: str) -> int:
        # (on Citus what stands at the coordinator is nothing: there a large one is emptied, too)
        return int(self._run("SELECT sum(pg_table_size(oid)) FROM pg_class WHERE relnamespace = %s::regnamespace AND relkind = 'r'", [schema])[0][0])

    def _rows(self, schema: str, table: str) -> str:
        return str(self._run(sql.SQL("SELECT md5(string_agg(one::text, chr(10) ORDER BY one::text)) FROM {} one").format(sql.Identifier(schema, table)))[0][0])

    def _shape(self, schema: str) -> str:
        self._run(sql.SQL("SET LOCAL search_path = {}").format(sql.Identifier(schema)))
        return str(self._run(_SHAPE, {"schema": schema})[0][0])

    def _run(self, statement: Any, values: Any = None) -> list[Any]:
        found = self._connection.execute(statement, values)
        return found.fetchall() if found.description else []


@contextmanager
def recycler(allowed: Callable[[], AbstractContextManager[None]]) -> Iterator[Recycler]:
    """While the block runs; `allowed` lets it at the database to begin with. Needs the owner's login."""
    with owner.direct() as connection:
        connection.cursor_factory = psycopg.ClientCursor
        with allowed():
            found = Recycler(connection)
        yield found


def _ready() -> str:
    """The schema of a workspace that nobody has had."""
    pool.fill(to=1, cell=owner.FIRST)
    with control_unit():
        return str(Workspace.objects.filter(state=State.POOL, template_version=template.fingerprint(), alias=owner.FIRST).order_by("-id")[0].schema_name)


def _where(model: type[models.Model]) -> tuple[sql.Identifier, sql.Identifier]:
    """Its table, and the column that names the workspace."""
    name = {Domain: "tenant", Spare: "owner"}.get(model, "workspace")
    return sql.Identifier(settings.PUBLIC_SCHEMA_NAME, model._meta.db_table), sql.Identifier(str(model._meta.get_field(name).attname))
