"""The pool: empty, migrated schemas under opaque names, each with its role, made ahead and claimed by one UPDATE."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import psycopg
from django.conf import settings
from django.db import OperationalError, connections
from django.db.models import Count, QuerySet
from psycopg import sql

from crm_platform.db.sides import CONTROL, control_unit
from crm_platform.kernel import clock, files, ids
from crm_platform.kernel.points import reached
from tenants.models import Signup, State, TemplateScript, Workspace

from . import outage, owner, template

_log = logging.getLogger("kartoteka.keeper")
# One packet per workspace: role, schema, script, grants. Nothing is half there if it fails.
# No worker helps with an index over nothing: the server need not plan for it, a hundred times.
_PACKET = """
SET LOCAL max_parallel_maintenance_workers = 0;
{turn}{make_role}
CREATE SCHEMA {schema};
SET LOCAL search_path = {schema};
{script}
GRANT USAGE ON SCHEMA {schema} TO {role};
{rights};
GRANT {role} TO {app} WITH INHERIT FALSE, SET TRUE;
{spread}
"""
_REGISTER = """
INSERT INTO {control}.workspace
    (schema_name, public_id, generation, alias, state, name, template_version, suspended_reason, created_at)
    VALUES ({name}, {public_id}, 1, {alias}, {state}, '', {version}, '', now());
"""

# A crash loses schema and row together, and a claim comes after them in the server's log: none waits for the disk before it is claimed.
_LAZILY = "SET LOCAL synchronous_commit = off;"

# From PostgreSQL 16 a grant says whether it is inherited; on 15 the login itself is NOINHERIT.
_GRANT_15 = "GRANT {role} TO {app};"
_GRANT_16 = "GRANT {role} TO {app} WITH INHERIT FALSE, SET TRUE;"
# How many are made at once. A server makes two in the time of little more than one; more would only take the processors from those who sign up.
HANDS = 2
# The pool grows by what was claimed in so many seconds: as much again can come before its maker has seen it. More would be made in a burst's own time, and not in it.
FORESIGHT = 15
# What a pool row says while its schema is made in another database than the registry's: no version, so nobody claims it.
_IN_THE_MAKING = "in the making"

# The emptiest database first; of its ready workspaces the newest version that has all this release needs, then the oldest row.
_CLAIM = """
UPDATE workspace SET state = 'claiming'
WHERE id = (
    SELECT ready.id FROM workspace ready JOIN template_script script ON script.version = ready.template_version
    WHERE ready.state = 'pool' AND script.migrations @> %s::jsonb AND ready.alias <> ALL(%s::varchar[])
    ORDER BY array_position(%s::varchar[], ready.alias), script.created_at DESC, ready.id
    LIMIT 1 FOR UPDATE OF ready SKIP LOCKED)
RETURNING *
"""


def make(script: TemplateScript, *, cell: str = owner.FIRST, state: State = State.POOL) -> str:
    """Make one ready workspace in a database from the script; returns its schema's name. Needs the owner's login of it.

    In another state than `pool` nobody claims it.

    In the registry's own database in one round trip; in another the row comes first, so that a killed keeper leaves
    nothing that nobody knows of.
    """
    name = f"w_{ids.random_id(12)}"
    if cell == owner.FIRST:
        with owner.seated(cell):
            owner.run(_filled(f"BEGIN;{_LAZILY}{_PACKET}{_REGISTER}COMMIT;", script, name=name, cell=cell, state=state))
        reached("pool.made")
        return name
    with control_unit():
        row = Workspace.objects.create(schema_name=name, alias=cell, template_version=_IN_THE_MAKING, state=state)
    reached("pool.noted")
    with owner.seated(cell), owner.alone(row.pk):
        owner.run(_filled(f"BEGIN;{_PACKET}COMMIT;", script, name=name, cell=cell, state=state))
        reached("pool.filled")
        with control_unit():
            row.template_version = script.version
            row.save(update_fields=["template_version"])
    return name


def _filled(packet: str, script: TemplateScript, *, name: str, cell: str, state: State) -> sql.Composed:
    schema, engine = sql.Identifier(name), owner.engine()
    packet = packet.replace("{turn}", engine.turn).replace("{make_role}", engine.role).replace("{spread}", engine.spread)
    return sql.SQL(packet if owner.version() >= 160000 else packet.replace(_GRANT_16, _GRANT_15)).format(
        role=schema, schema=schema, name=sql.Literal(name), alias=sql.Literal(cell), state=sql.Literal(state.value), script=sql.SQL(script.script), rights=owner.rights(name, script.holds),
        app=sql.Identifier(settings.DATABASES[cell]["USER"]), control=sql.Identifier(settings.PUBLIC_SCHEMA_NAME),
        public_id=sql.Literal(ids.random_id()), version=sql.Literal(script.version), database=sql.Identifier(settings.DATABASES[cell]["NAME"]),
    )  # fmt: skip


def ready(*, version: str, cell: str | None = None) -> int:
    """How many workspaces of this version wait to be claimed, in one database or in all that answer."""
    with control_unit():
        found = Workspace.objects.filter(state=State.POOL, template_version=version)
        return (found.filter(alias=cell) if cell else found.exclude(alias__in=outage.aliases())).count()


def any_ready() -> bool:
    """Whether something waits that this release can serve, in a database that answers. Opens a control unit."""
    with control_unit():
        return Workspace.objects.filter(state=State.POOL, template_version__in=template.serving().values("version")).exclude(alias__in=outage.aliases()).exists()


def wanted() -> int:
    """`wanted_now`, in a control unit of its own."""
    with control_unit():
        return wanted_now()


def wanted_now() -> int:
    """How many should wait: CRM_POOL_SIZE, and as many again as were claimed in the last seconds, up to ten times the size. Inside a control unit."""
    lately = Workspace.objects.filter(claimed_at__gt=clock.real_now() - timedelta(seconds=FORESIGHT)).count()
    return int(settings.CRM_POOL_SIZE) + min(lately, 10 * int(settings.CRM_POOL_SIZE))


def outdated() -> QuerySet[Workspace]:
    """Those that wait but lack what this release needs; what a newer one made is left to it. Inside a control unit."""
    return Workspace.objects.filter(state=State.POOL).exclude(template_version__in=template.serving().values("version"))


def fill(*, to: int, cell: str | None = None) -> int:
    """Make as many as are missing to `to`, in one database or spread over those whose owner's login we hold; returns how many were made.

    A database that does not answer is left out of the round, so that the others get theirs; the last one's error is raised.
    """
    script = template.current()
    missing = max(0, to - ready(version=script.version, cell=cell))
    with control_unit():
        cells = [cell] if cell else [alias for alias in occupancy() if owner.held(alias)]
    if missing and not cells:
        raise owner.NotTheKeeper
    _by_hands(missing, lambda number: _make_in_one_of(cells, script, number=number))
    return missing


def _by_hands(number: int, make_one: Callable[[int], None]) -> None:
    """Make so many, where they are several by HANDS at once, each on connections of its own; the first error is raised when all have stopped."""
    if number < HANDS:
        for at in range(number):
            make_one(at)
        return
    left = iter(range(number))  # both hands take from it; a number is taken in one step of the interpreter

    def work() -> None:
        for at in left:
            make_one(at)

    def beside() -> None:
        try:
            work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(HANDS - 1, thread_name_prefix="pool") as crew:
        others = [crew.submit(beside) for _ in range(HANDS - 1)]
        work()
    for one in others:
        one.result()


def _make_in_one_of(cells: list[str], script: TemplateScript, *, number: int) -> None:
    while True:
        cell = cells[number % len(cells)]
        try:
            make(script, cell=cell)
            return
        except (psycopg.OperationalError, OperationalError):
            if cells == [cell]:
                raise
            outage.note(cell)
            _log.warning("a database does not answer", extra={"cell": cell})
            with suppress(ValueError):  # the other hand has seen it too
                cells.remove(cell)


def occupancy() -> dict[str, int]:
    """How many workspaces with an owner each database has, the emptiest first: new ones go there. Inside a control unit.

    A Citus server is for those who outgrow the others: they are moved there, or made there by its name.
    """
    cells = [alias for alias in settings.CELLS if alias != settings.CITUS]
    found = Workspace.objects.exclude(state__in=(State.POOL, State.SPARE, State.ASLEEP, State.ERASED)).values_list("alias").annotate(Count("id"))
    counted = dict.fromkeys(cells, 0) | {alias: number for alias, number in found if alias in cells}
    return dict(sorted(counted.items(), key=lambda pair: (pair[1], pair[0])))


def claim(*, cell: str = "") -> Workspace | None:
    """Take one ready workspace that this release can serve, by one statement; None when the pool is empty. Inside a control unit.

    With several databases the emptiest that has one gives it, which costs one statement more; or `cell`, where it has one. Of
    one that did not answer just now none is taken.
    """
    cells = [cell] if cell else list(occupancy()) if len(settings.CELLS) > 1 else []
    return next(iter(Workspace.objects.using(CONTROL).raw(_CLAIM, [template.names_as_json(), outage.aliases(), cells])), None)


def take(schema: str) -> Workspace | None:
    """Take one ready workspace by its schema's name; None when another has it. Inside a control unit."""
    taken = Workspace.objects.filter(schema_name=schema, state=State.POOL).update(state=State.CLAIMING)
    return Workspace.objects.get(schema_name=schema) if taken else None


def discard(workspace: Workspace) -> None:
    """Drop schema, role, files, sign-up and registry row of a workspace, unless somebody has changed it meanwhile (claimed it, finished making it). Needs the owner's login."""
    with owner.seated(workspace.alias), owner.alone(workspace.pk):
        with control_unit():
            if not Workspace.objects.filter(pk=workspace.pk, state=workspace.state, template_version=workspace.template_version).exists():
                return
        if owner.has_workspace(workspace.schema_name):
            owner.drop_workspace(workspace.schema_name)
        reached("pool.dropped")
        files.house().erase(f"{workspace.public_id}/")
        reached("pool.emptied")
        with control_unit():
            Signup.objects.filter(workspace=workspace).delete()
            workspace.delete()


def count_from(start: int) -> Workspace:
    """Let every identity of the workspace of the first database that is claimed next begin at `start`: ids apart from all others'. Needs the owner's login."""
    with control_unit():
        following = Workspace.objects.filter(state=State.POOL, template_version=template.fingerprint(), alias=owner.FIRST).order_by("id").first()
    if following is None:
        raise LookupError("no workspace is ready")
    columns = owner.run(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = %s AND is_identity = 'YES'", [following.schema_name]
    )
    for table, column in columns:
        owner.run("SELECT setval(pg_get_serial_sequence(%s, %s), %s, false)", [sql.Identifier(following.schema_name, table).as_string(None), column, start])
    return following
