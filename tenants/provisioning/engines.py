"""What kind of server a database of workspaces is: PostgreSQL, or Citus, where each workspace is a distributed schema (decision 0017).

All that differs between the two stands here; what both understand is written once, in a form that both take.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection, sql


@dataclass(frozen=True, slots=True)
class Engine:
    """How one kind of server is spoken to; the defaults are PostgreSQL's."""

    kind: str = "postgresql"
    # How the making and the dropping of a workspace begin, where two of them would trip over each other.
    turn: str = ""
    # The workspace's role, when its schema is made, and what comes after schema, script and rights.
    role: str = "CREATE ROLE {role} NOLOGIN NOINHERIT;"
    spread: str = ""
    # What the keeper's own connections begin with.
    beginning: str = ""
    # A schema's tables are analysed within the transaction that fills them.
    analyses: bool = True
    # Several statements of DDL may go in one packet.
    packets: bool = True
    # The oldest transaction that a snapshot does not see, asked where the schema's rows are; {} is the schema's list of migrations.
    oldest: str = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
    size: str = "pg_total_relation_size"
    # What has been written, by schema; only whether it changed says something. What the house itself does at night (jobs) is no change of the firm's.
    written: str = """
        SELECT schemaname, sum(n_tup_ins + n_tup_upd + n_tup_del)::bigint FROM pg_stat_user_tables
        WHERE schemaname LIKE 'w\\_%' AND relname <> 'job' GROUP BY schemaname"""
    # The catalogue knows about how many rows a table has; else they are counted.
    estimates: bool = True

    def prepare(self, connection: Connection[Any]) -> None:
        """What a new connection of the keeper's is told first."""
        if self.beginning:
            connection.execute(self.beginning)

    def send(self, connection: Connection[Any], statements: Sequence[sql.SQL | sql.Composed]) -> None:
        """Statements in a row, in one round trip where the server takes them so; the transaction, if any, is among them."""
        if self.packets:
            connection.execute(sql.SQL("; ").join(statements))
            return
        for statement in statements:
            connection.execute(statement)

    def large(self, connection: Connection[Any], schema: str, tables: Sequence[str], *, least: int) -> frozenset[str]:
        """Those of some tables that have at least so many rows, near enough. By their names: the catalogue has no index on the schema alone, and grows with every workspace."""
        asked = "SELECT relname FROM pg_class WHERE relname = ANY(%s) AND relnamespace = %s::regnamespace AND relkind = 'r'"
        given: list[Any] = [list(tables), sql.Identifier(schema).as_string(connection)]
        if self.estimates:
            return frozenset(name for (name,) in connection.execute(f"{asked} AND reltuples >= %s", [*given, least]))
        return frozenset(name for (name,) in connection.execute(asked, given).fetchall() if self._count(connection, schema, name) >= least)

    def _count(self, connection: Connection[Any], schema: str, table: str) -> int:
        [(found,)] = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(schema, table)))
        return int(found)


POSTGRES = Engine()
# Workers are entered as the role itself, so that it may log in there and nowhere else: that is noted on the database's own row,
# which two cannot change at once (where the extension is in the registry's database, two hands fill the pool). Settings of the keeper's transaction go
# along to the workers. The counts of writing are those of the shards, wherever they are.
CITUS = Engine(
    kind="citus",
    turn="SELECT pg_advisory_xact_lock(hashtext('making and dropping'));",
    role="CREATE ROLE {role} LOGIN NOINHERIT; GRANT CONNECT ON DATABASE {database} TO {role}; SET LOCAL citus.enable_alter_role_propagation = off; ALTER ROLE {role} NOLOGIN;",
    spread="SELECT citus_schema_distribute({name});",
    beginning="SET citus.propagate_set_commands = 'local'",
    analyses=False,
    packets=False,
    oldest="SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint FROM {} LIMIT 1",
    size="citus_total_relation_size",
    written="""
        SELECT counted->>0, sum((counted->>1)::bigint)::bigint FROM run_command_on_all_nodes($asked$
            SELECT coalesce(json_agg(json_build_array(schemaname, written)), '[]') FROM (
                SELECT schemaname, sum(n_tup_ins + n_tup_upd + n_tup_del) AS written FROM pg_stat_all_tables
                WHERE schemaname LIKE 'w\\_%' AND relname ~ '_[0-9]+$' AND relname !~ '^job_[0-9]+$' GROUP BY schemaname) AS here
        $asked$), json_array_elements(result::json) AS counted GROUP BY 1""",
    estimates=False,
)
_found: dict[tuple[str, int, str], Engine] = {}


def of(connection: Connection[Any]) -> Engine:
    """The kind of the database that a connection leads to; asked once a process."""
    info = connection.info
    key = info.host, info.port, info.dbname
    if key not in _found:
        found = connection.execute("SELECT 1 FROM pg_extension WHERE extname = 'citus'").fetchone()
        _found[key] = CITUS if found else POSTGRES
    return _found[key]


def forget() -> None:
    """Ask anew: the extension may have been made meanwhile."""
    _found.clear()
