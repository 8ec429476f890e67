"""Works for a whole run at once, which its own processes do: what is prepared, and what must be so when all has settled."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path

from crm_platform.db import sides
from crm_platform.kernel import clock
from crm_platform.kernel.permissions import robot
from tenants.archives import services as archives
from tenants.archives.models import ArchiveRun
from tenants.models import Rollout, RolloutStep, Signup, Snapshot, Spare, State, Workspace
from tenants.provisioning import owner
from tenants.rollout import steps
from tests.tenants import archive_kit

from . import erasing, firms, whole
from .firms import Facts

# The last of its application, which adds one column: without it a workspace is of a release before.
LAST = ("inside", "0010_preferences_weekly_archive", "preferences", "weekly_archive")
MANY = 300


def prepare(behind: int) -> Facts:
    """A firm for each work, one with many rows and files; and some that are behind the release."""
    moves, kept, leaves = firms.made(), firms.made(), firms.made()
    _grow(moves)
    _grow(kept)
    path = archive_kit.make(kept.place, Path(tempfile.mkdtemp(prefix="archive-")))
    return {
        "moves": firms.facts(moves), "kept": firms.facts(kept), "leaves": firms.facts(leaves), "path": str(path), "wished": firms.wish().slug,
        "behind": [_put_back(firms.made()) for _firm in range(behind)],
    }  # fmt: skip


def _grow(row: Workspace) -> None:
    with sides.unit(row.place):
        from django.core.files.base import ContentFile

        from crm_core.groundwork.attachments import services as attachments
        from crm_core.people.contacts import services as contacts

        for number in range(MANY):
            person = contacts.create_contact(robot("test"), first_name=f"Person {number}")
            attachments.add(robot("test"), entity="contact", pk=person.pk, file=ContentFile(b"x" * 2000, name=f"{number}.txt"))


def _put_back(row: Workspace) -> Facts:
    """As the release before left it."""
    app, name, table, column = LAST
    with owner.direct(row.alias) as one:
        one.execute(f'ALTER TABLE "{row.schema_name}".{table} DROP COLUMN {column}')
        one.execute(f"DELETE FROM \"{row.schema_name}\".django_migrations WHERE (app, name) = ('{app}', '{name}')")
    with sides.control_unit():
        Workspace.objects.filter(pk=row.pk).update(template_version="the release before")
    return firms.facts(row)


def begin(given: Facts) -> None:
    """What the run's own processes do: a rollout and an erasure by the keeper, an archive by the worker."""
    erasing.comes_due(firms.now(given["leaves"]))
    with sides.unit(firms.now(given["kept"]).place):
        archives.ask(robot("test"))
    if steps.start_if_behind(by="test") is None:
        with sides.control_unit():
            assert not steps.behind().exists()


def minutes_pass() -> None:
    """Nobody is at work any more: what a keeper leaves alone for two minutes is older than that."""
    before = clock.real_now() - timedelta(minutes=3)
    with sides.control_unit():
        Signup.objects.filter(finished_at=None).update(started_at=before)
        Workspace.objects.filter(state=State.CLAIMING).update(claimed_at=before)
        Workspace.objects.filter(state=State.SPARE).update(created_at=before)
        RolloutStep.objects.filter(leased_until__isnull=False).update(leased_until=before)
        Spare.objects.filter(use="filling").update(made_at=before)
        Snapshot.objects.filter(finished_at=None).update(began_at=before - timedelta(hours=3))


def unsettled(given: Facts) -> list[str]:
    """What is not yet as it must be; no process of ours helps."""
    wrong = list(whole.wrong())
    with sides.control_unit():
        if steps.behind().exists():
            wrong.append(f"{steps.behind().count()} are behind")
        wrong += [f"a rollout is {row.state}" for row in Rollout.objects.exclude(state="done")]
        if Workspace.objects.get(pk=given["leaves"]["pk"]).erased_at is None:
            wrong.append("not erased yet")
    with sides.unit(firms.now(given["kept"]).place):
        wrong += [f"archive {row.pk} is {row.stage}" for row in ArchiveRun.objects.exclude(stage__in=("done", "gone"))]
    return wrong


def after(given: Facts) -> None:
    """Every firm has what it had."""
    for name in ("moves", "kept"):
        row = firms.now(given[name])
        counts = {table: amount[0] for table, amount in firms.held(row, besides=("event", "job", "letter", "inbox_message", "archive_run", "django_session", "counter")).items()}
        had = {table: given[name]["held"][table][0] for table in counts}
        assert counts == had, {table: (had[table], counts[table]) for table in counts if had[table] != counts[table]}
        assert row.state == State.ACTIVE
    for firm in given["behind"]:
        row, (app, name, table, column) = firms.now(firm), LAST
        with owner.direct(row.alias) as one:
            assert one.execute(f"SELECT count(*) FROM \"{row.schema_name}\".django_migrations WHERE (app, name) = ('{app}', '{name}')").fetchone() == (1,)
            one.execute(f'SELECT {column} FROM "{row.schema_name}".{table}')
