"""What is kept when a workspace returns to an earlier moment: what went out or came in since must not happen twice, and what was closed since stays closed."""

from __future__ import annotations

from typing import Any

from psycopg import Connection, sql

from crm_platform.db.sides import control_unit
from tenants.carrying import asides, tables
from tenants.models import Beside, Workspace

_OPEN_JOBS = "state IN ('waiting', 'running')"
# Of the copy: what still waits there, by its key; of large tables only what is named so is looked up in the workspace.
_WAITING = (("then_letter", "letter", "id", "sent_at IS NULL"), ("then_delivery", "outbound_delivery", "id", "state = 'waiting'"))
# Of the workspace as it is now: laid aside under a name, from a table, which columns (None: all), which rows, and of which keys alone.
_KEPT: tuple[tuple[str, str, tuple[str, ...] | None, str, str], ...] = (
    ("now_state", "workspace_state", None, "true", ""),
    ("now_inbox", "inbox_message", None, "true", ""),
    ("now_job", "job", ("id",), _OPEN_JOBS, ""),
    ("now_letter", "letter", ("id", "sent_at"), "sent_at IS NOT NULL", "then_letter"),
    ("now_delivery", "outbound_delivery", ("id", "state", "attempts", "answers", "next_at", "done_at"), "true", "then_delivery"),
    ("now_event", "event", ("id",), "pending", ""),
    ("now_session", "django_session", ("session_key",), "true", ""),
    ("now_token", "api_token", ("id", "revoked_at"), "true", ""),
)
# Of the copy: what may be without its like in the workspace as it is now, by its key; what is left is "gone".
_GONE = (
    ("gone_job", "job", "id", _OPEN_JOBS, "now_job"),
    ("gone_delivery", "outbound_delivery", "id", "state = 'waiting'", "now_delivery"),
    ("gone_event", "event", "id", "pending", "now_event"),
    ("gone_login", "usersessions_usersession", "session_key", "true", "now_session"),
    ("gone_session", "django_session", "session_key", "true", "now_session"),
    ("gone_token", "api_token", "id", "revoked_at IS NULL", "now_token"),
)
_KEEP = """
DELETE FROM {then}.workspace_state; INSERT INTO {then}.workspace_state ({state}) SELECT {state} FROM pg_temp.now_state;
UPDATE {then}.workspace_state SET generation = {generation};
INSERT INTO {then}.inbox_message ({inbox}) SELECT {inbox} FROM pg_temp.now_inbox ON CONFLICT DO NOTHING;
DELETE FROM {then}.job t USING pg_temp.gone_job g WHERE t.id = g.id;
UPDATE {then}.letter t SET sent_at = n.sent_at FROM pg_temp.now_letter n WHERE n.id = t.id AND t.sent_at IS NULL;
UPDATE {then}.outbound_delivery t SET state = n.state, attempts = n.attempts, answers = n.answers, next_at = n.next_at, done_at = n.done_at
    FROM pg_temp.now_delivery n WHERE n.id = t.id AND t.state = 'waiting';
UPDATE {then}.outbound_delivery t SET state = 'failed', done_at = {at} FROM pg_temp.gone_delivery g WHERE g.id = t.id;
UPDATE {then}.event t SET pending = false FROM pg_temp.gone_event g WHERE g.id = t.id;
INSERT INTO {then}.event (name, entity, record_id, subjects, before, after, actor_kind, actor_name, via, request, at, pending)
    VALUES ('workspace.put_back', 'workspace', 1, ARRAY['workspace:1'], '{{}}', jsonb_build_object('moment', {moment}::text), 'robot', 'command line', '', '', {at}, false);
DELETE FROM {then}.usersessions_usersession t USING pg_temp.gone_login g WHERE t.session_key = g.session_key;
DELETE FROM {then}.django_session t USING pg_temp.gone_session g WHERE t.session_key = g.session_key;
UPDATE {then}.api_token t SET revoked_at = n.revoked_at FROM pg_temp.now_token n WHERE n.id = t.id AND t.revoked_at IS NULL;
UPDATE {then}.api_token t SET revoked_at = {at} FROM pg_temp.gone_token g WHERE g.id = t.id
"""


def carry_over(connection: Connection[Any], workspace: Workspace, copy: Workspace, found: list[tables.Table]) -> None:
    """Carry into the copy what holds of the workspace as it is now: billing and generation, what came in and went out, what was closed, numbers that were given.

    Within the connection's transaction, in which nobody writes to the workspace. Sessions that were ended and tokens that
    were taken back stay so; what programs hold that is signed ends anyway, with the generation.
    """
    by_name = {table.name: table for table in found}
    numbers, earlier = tables.counters(connection, workspace.schema_name, found), tables.counters(connection, copy.schema_name, found)
    _lay_aside(connection, workspace.schema_name, copy.schema_name, by_name)
    with control_unit():
        moment = Beside.objects.filter(spare=copy).values_list("moment", flat=True).first()
    [(at,)] = connection.execute("SELECT now()").fetchall()
    given = {
        "then": sql.Identifier(copy.schema_name), "state": by_name["workspace_state"].names(), "inbox": by_name["inbox_message"].names(),
        "generation": sql.Literal(workspace.generation + 1), "moment": sql.Literal(f"{moment:%Y-%m-%d %H:%M} UTC"), "at": sql.Literal(at),
    }  # fmt: skip
    for statement in _KEEP.split(";\n"):
        connection.execute(sql.SQL(statement).format(**given))
    # Numbers that were given since are not given again: they stand in other people's systems.
    connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    tables.count_on(connection, copy.schema_name, found, {name: max(number, earlier.get(name, 0)) for name, number in numbers.items()})


def _lay_aside(connection: Connection[Any], now: str, then: str, by_name: dict[str, tables.Table]) -> None:
    for name, table, key, where in _WAITING:
        asides.lay(connection, name, sql.SQL("SELECT {} FROM {} WHERE {}").format(sql.Identifier(key), sql.Identifier(then, table), sql.SQL(where)))
        connection.execute(sql.SQL("ANALYZE {}").format(asides.named(name)))  # few keys of a large table: by its index, not through all of it
    for name, table, columns, where, only in _KEPT:
        of_these = sql.SQL("JOIN {} USING (id)").format(asides.named(only)) if only else sql.SQL("")
        query = sql.SQL("SELECT {} FROM {} {} WHERE {}")
        asides.lay(connection, name, query.format(by_name[table].names(of=columns), sql.Identifier(now, table), of_these, sql.SQL(where)))
    for name, table, key, where, others in _GONE:
        gone = asides.lay(connection, name, sql.SQL("SELECT {} FROM {} WHERE {}").format(sql.Identifier(key), sql.Identifier(then, table), sql.SQL(where)))
        asides.without(connection, gone, asides.named(others), key)
