"""Putting a workspace to sleep: at each moment there is its schema, or a snapshot that was restored elsewhere and found equal."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import psycopg
from django.conf import settings
from psycopg import Connection, sql

from crm_platform.db.sides import control_unit
from crm_platform.kernel import clock
from crm_platform.kernel.errors import CrmError
from crm_platform.kernel.points import reached
from tenants import routing
from tenants.carrying import fencing, spares, stopping, tables, turns
from tenants.models import Due, Nap, NapStep, Snapshot, State, TemplateScript, Workspace
from tenants.provisioning import owner
from tenants.rounds import TROUBLE, Rounds
from tenants.snapshots import services as snapshots

_log = logging.getLogger("kartoteka.keeper")
# What the house itself does in each workspace by night may wait until somebody comes.
MAY_WAIT = ("metering.prove", "bin.purge")
# Seconds until a workspace that could not be put to sleep is asked again.
LATER = 20 * 3600.0
_not_now: dict[int, float] = {}
_resuming = Rounds("go on with putting to sleep", most=3)


class AtWork(CrmError):
    """Somebody wrote meanwhile: it does not sleep."""

    code, status = "workspace_at_work", 409
    sentence = "Somebody is at work in {slug}: it is not put to sleep."


def begin(workspace: Workspace) -> Nap:
    """Note a sleep; `proceed` does it. Raises NotServed; one under way is given back."""
    with control_unit():
        row = Workspace.objects.select_for_update().get(pk=workspace.pk)
        present = Nap.objects.filter(workspace=row, finished_at=None).first()
        if present is not None:
            return present
        if row.state != State.ACTIVE:
            raise spares.NotServed(slug=row.slug, state=row.state)
        return Nap.objects.create(workspace=row, alias=row.alias, schema=row.schema_name)


def proceed(nap: Nap) -> Nap:
    """Take a sleep to its end from wherever it stands. Raises turns.Busy, AtWork, and what a snapshot raises; then it is given up, and the workspace is as it was."""
    with turns.turn(nap.workspace_id) as mine:
        with control_unit():
            nap = Nap.objects.select_related("workspace", "snapshot").get(pk=nap.pk)
        if nap.step in (NapStep.ASLEEP, NapStep.AWAKE, NapStep.GIVEN_UP):
            return nap
        if not mine:
            raise turns.Busy(slug=nap.workspace.slug)
        if (nap.workspace.alias, nap.workspace.schema_name) != (nap.alias, nap.schema):  # else what was written there since would be lost with it
            note(nap, NapStep.GIVEN_UP, error="It was moved, or put back to an earlier day, meanwhile.", finished_at=clock.real_now())
            return nap
        try:
            while nap.step not in (NapStep.ASLEEP, NapStep.GIVEN_UP):
                _STEPS[NapStep(nap.step)](nap)
        except (CrmError, OSError, psycopg.ProgrammingError) as error:  # the last: its schema, or a table of it, is gone
            if nap.step != NapStep.CLOSING:
                note(nap, NapStep.GIVEN_UP, error=str(error)[:2000], finished_at=clock.real_now())
            raise
    return nap


def resume_all() -> int:
    """What a killed process left, taken up by the keeper; returns how many came to their end."""
    left = Nap.objects.select_related("workspace").filter(finished_at=None).exclude(step=NapStep.ASLEEP)
    return _resuming.go(left.order_by("pk"), _tried, of=lambda nap: nap.workspace)


def _tried(nap: Nap) -> bool:
    try:
        proceed(nap)
    except turns.Busy:
        return False
    return True


def one_more() -> bool:
    """Put the free workspace to sleep that has been idle longest, if it has been for the days that the settings say."""
    if not settings.CRM_SLEEP_DAYS:
        return False
    before = clock.real_now() - timedelta(days=settings.CRM_SLEEP_DAYS)
    now = time.monotonic()
    waiting = [pk for pk, since in _not_now.items() if now - since < LATER]
    with control_unit():
        idle = Workspace.objects.filter(state=State.ACTIVE, looked__changed_at__lt=before, claimed_at__lt=before).exclude(pk__in=waiting)
        row = idle.order_by("looked__changed_at").first()
    if row is None:
        return False
    _not_now[row.pk] = now
    try:
        return _is_free(row) and _tried(begin(row))
    except TROUBLE as error:
        _log.warning("a workspace was not put to sleep", extra={"workspace": row.public_id, "error": str(error)})
        return False


def _is_free(row: Workspace) -> bool:
    asked = sql.SQL("SELECT count(*) FROM {} WHERE plan = 'free' OR (billing_state IN ('trial', 'trialing') AND trial_ends_at < %s)")
    with owner.direct(row.alias) as connection:
        [(found,)] = connection.execute(asked.format(sql.Identifier(row.schema_name, "workspace_state")), [clock.now()])
    return bool(found)


def note(nap: Nap, step: NapStep, **values: Any) -> None:
    """Keep how far it came. Its snapshot stays for as long as the sleep may need it; what a killed process took is one like others."""
    for name, value in {"step": step, **values}.items():
        setattr(nap, name, value)
    with control_unit():
        nap.save(update_fields=["step", *values])
        if nap.snapshot_id is not None and step in (NapStep.TAKEN, NapStep.GIVEN_UP):
            Snapshot.objects.filter(pk=nap.snapshot_id).update(keep=step == NapStep.TAKEN)
    reached(f"sleep.{step}")


def _take(nap: Nap) -> None:
    note(nap, NapStep.TAKEN, snapshot=snapshots.take(nap.workspace, why="sleep"))


def _prove(nap: Nap) -> None:
    """Restored elsewhere and compared, before anything is taken away: into the shape in which it would be woken."""
    snapshot = _snapshot(nap)
    with control_unit():
        script = TemplateScript.objects.filter(pk=snapshot.version).first()
    spare = spares.make(nap.workspace, cell=nap.alias, script=script)
    reached("sleep.spare")
    snapshots.load(snapshot, spare)
    reached("sleep.loaded")
    spares.drop(spare)
    note(nap, NapStep.PROVED)


def _close(nap: Nap) -> None:
    with owner.direct(nap.alias) as connection:
        found = tables.tables(connection, nap.schema)
        with stopping.still(connection, nap.schema, found):
            if snapshots.differing(_snapshot(nap), connection, nap.schema):
                raise AtWork(slug=nap.workspace.slug)
            rings = _next_timer(connection, nap.schema)
            note(nap, NapStep.CLOSING)
            fencing.close(nap.schema, connection=connection)
            with control_unit():
                _mark_asleep(nap, rings)
                connection.execute("COMMIT")  # first the fence, then the registry: see moving
                reached("sleep.fenced")
    reached("sleep.marked")
    _drop(nap)


def _closing(nap: Nap) -> None:
    """Taken up after a kill: behind the fence nothing was written, so the snapshot is all there is; without it, the moment is sought again."""
    with owner.seated(nap.alias):
        there = owner.has_schema(nap.schema)
        fenced = not there or fencing.closed(nap.schema)
    if not fenced:
        note(nap, NapStep.PROVED)
        return
    with control_unit():
        if Workspace.objects.filter(pk=nap.workspace_id, state=State.ACTIVE).exists():
            _mark_asleep(nap, None)
    _drop(nap)


def _mark_asleep(nap: Nap, rings: datetime | None) -> None:
    row = Workspace.objects.select_for_update().get(pk=nap.workspace_id)
    if row.state != State.ACTIVE:
        raise spares.NotServed(slug=row.slug, state=row.state)
    row.state = State.ASLEEP
    row.save(update_fields=["state"])
    Due.objects.filter(workspace=row).delete()
    if rings is not None:
        Due.objects.create(workspace=row, at=rings)
    routing.forget(row.slug)


def _drop(nap: Nap) -> None:
    """The snapshot is read once more in full; only then the schema goes."""
    snapshots.read_back(_snapshot(nap))
    with owner.seated(nap.alias), owner.alone(nap.workspace_id):
        if owner.has_workspace(nap.schema):
            owner.drop_workspace(nap.schema)
    reached("sleep.dropped")
    note(nap, NapStep.ASLEEP, asleep_at=clock.real_now())
    _log.info("workspace put to sleep", extra={"workspace": nap.workspace.public_id})


def _next_timer(connection: Connection[Any], schema: str) -> datetime | None:
    """When the earliest timer rings that may not wait for somebody to come."""
    asked = sql.SQL("SELECT min(at) FROM {} WHERE state IN ('waiting', 'running') AND name <> ALL(%s)").format(sql.Identifier(schema, "job"))
    [(moment,)] = connection.execute(asked, [list(MAY_WAIT)])
    return moment if isinstance(moment, datetime) else None


def _snapshot(nap: Nap) -> Snapshot:
    if nap.snapshot is None:
        raise snapshots.Lost(slug=nap.workspace.slug)
    return nap.snapshot


_STEPS: dict[NapStep, Callable[[Nap], None]] = {
    NapStep.BEGUN: _take, NapStep.TAKEN: _prove, NapStep.PROVED: _close, NapStep.CLOSING: _closing,
}  # fmt: skip
