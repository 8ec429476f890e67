"""Timing a rollout, for the bench: ours over all workspaces, and stock django-tenants' over some of them, the same migration."""

from __future__ import annotations

import io
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack, redirect_stdout
from typing import Any

from django.db import connections
from django_tenants.management.commands.migrate_schemas import MigrateSchemasCommand
from django_tenants.migration_executors import get_executor
from psycopg import sql

from crm_platform.db.sides import control_unit
from tenants.provisioning import owner, template

from . import plan, rehearsal, run, steps

NAME = "9998_measured"
OPERATIONS = """
    migrations.AddField("contact", "measured", models.IntegerField(null=True)),
    migrations.AddIndex("contact", models.Index(fields=["measured"], name="contact_measured")),
"""


def _seconds(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return round(time.perf_counter() - began, 3)


def ours(*, parallel: int) -> dict[str, Any]:
    """Bring all workspaces to a release with a column and an index more, which stays. Needs the owner's login.

    `release_s` is what a release costs once, whatever their number: its template script rendered and proved; `render_s`
    rendering the step of those that are behind; `replay_s` all the rest; `behind_ms` asking who is behind, by `behind_queries` statements.
    """
    before = template.names()
    with rehearsal.release("contacts", NAME, OPERATIONS):
        release = _seconds(template.current)
        asked = [_seconds(_behind) for _ in range(21)]
        number, statements = _behind_in_statements()
        render = _seconds(lambda: plan.pieces(before))
        replay = _seconds(lambda: run.work(steps.start(by="the bench", parallel=parallel)))
        with control_unit():
            facts = steps.status()["rollout"]
    return {
        "workspaces": number, "release_s": release, "render_s": render, "replay_s": replay, "behind_ms": round(statistics.median(asked) * 1000, 2), "behind_queries": statements,
        "done": facts["done"], "failed": facts["failed"], "errors": facts["errors"], "slowest_ms": facts["slowest_ms"],
    }  # fmt: skip


def _behind() -> int:
    with control_unit():
        return steps.behind().count()


def _behind_in_statements() -> tuple[int, int]:
    """How many are behind, and by how many statements, of any connection, that is found out."""
    with ExitStack() as stack:
        sent = [stack.enter_context(template.recording(connection, skipping=())) for connection in connections.all(initialized_only=True)]
        number = _behind()
    return number, sum(map(len, sent))


def stock(number: int) -> dict[str, Any]:
    """The same release by `migrate_schemas --executor=multiprocessing` (2 processes) over some workspaces, then its `--check` of them; then it is put back.

    Needs the owner's login.
    """
    with rehearsal.release("contacts", NAME, OPERATIONS):
        with control_unit():
            everyone = list(steps.behind().order_by("id").values_list("schema_name", flat=True))
        sample = spread(everyone, number)
        migrate = _seconds(lambda: _migrate(sample))
        with owner.seated():
            present = owner.run("SELECT count(*) FROM pg_indexes WHERE indexname = 'contact_measured'")[0][0]
        check = _seconds(lambda: _migrate(sample, "--check"))
        _put_back(sample)
    if present != len(sample):
        raise RuntimeError(f"django-tenants has migrated {present} of {len(sample)} workspaces")
    return {"workspaces": len(everyone), "sample": len(sample), "migrate_s": migrate, "check_s": check}


def spread(everyone: list[str], number: int) -> list[str]:
    """So many of them, evenly from the first to the last; all where there are no more."""
    number = min(number, len(everyone))
    return [everyone[at * len(everyone) // number] for at in range(number)]


def _migrate(schemas: list[str], *more: str) -> None:
    """What the command does with its tenants, for those of the sample."""
    parser = MigrateSchemasCommand().create_parser("bin/crm", "migrate_schemas")
    options = vars(parser.parse_args(["--tenant", "--noinput", "--executor=multiprocessing", "--verbosity=0", *more]))
    executor = get_executor("multiprocessing")((), options)
    connections.close_all()  # a forked process must not share a socket with us
    with owner.seated(), redirect_stdout(io.StringIO()):
        executor.run_migrations(tenants=schemas)


def _put_back(schemas: list[str]) -> None:
    with owner.seated():
        for schema in schemas:
            packet = "BEGIN; SET LOCAL search_path = {}; ALTER TABLE contact DROP COLUMN measured; DELETE FROM django_migrations WHERE app = 'contacts' AND name = {}; COMMIT"
            owner.run(sql.SQL(packet).format(sql.Identifier(schema), sql.Literal(NAME)))
