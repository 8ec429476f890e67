"""Laying an earlier moment beside a workspace, and putting all of it back."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

import psycopg
from django.conf import settings
from django.db.models import F
from psycopg import sql

from crm_platform.db.sides import control_unit
from crm_platform.jobs import broker
from crm_platform.kernel import clock
from crm_platform.kernel.errors import CrmError
from crm_platform.kernel.points import reached
from tenants import routing
from tenants.carrying import changes, fencing, spares, stopping, tables, turns
from tenants.carrying.changes import End
from tenants.models import Beside, BesideStep, Snapshot, Spare, State, TemplateScript, Use, Workspace
from tenants.provisioning import owner
from tenants.rollout import replay
from tenants.rounds import Rounds
from tenants.snapshots import services as snapshots

from . import keeping

_log = logging.getLogger("kartoteka.keeper")
# The ages of sources, as the command says them.
NIGHTLY, SIDE = "snapshot", "instance"
_resuming = Rounds("go on with what is laid beside", most=3)


class NotBeside(CrmError):
    """No such copy, or it is gone."""

    code, status = "nothing_beside", 404
    sentence = "No copy {pk} lies ready beside {slug}."


class MovedAway(CrmError):
    """The workspace lives in another database now, or in another shape."""

    code, status = "beside_elsewhere", 409
    sentence = "The workspace {slug} has moved since the copy was made. Lay it beside anew."


class PastIt(CrmError):
    """The side instance has gone beyond the moment wished."""

    code, status = "side_instance_past_it", 409
    sentence = "The side instance (CRM_PITR_URL) stands at {stands} UTC, which is after {wished} UTC. Recover it to that moment, or name a snapshot with --snapshot."


class NotThere(CrmError):
    """The side instance does not hold the workspace."""

    code, status = "not_in_side_instance", 404
    sentence = "The side instance (CRM_PITR_URL) does not hold the workspace {slug}, or in another shape."


def begin(workspace: Workspace, *, at: datetime | None = None, snapshot: int | None = None) -> Beside:
    """Choose the moment: of the side instance where one is given and a moment is wished, else of the nearest snapshot. Raises NoSnapshot, NotServed."""
    if workspace.state != State.ACTIVE:
        raise spares.NotServed(slug=workspace.slug or "", state=workspace.state)
    if settings.CRM_PITR_URL and at is not None and snapshot is None:
        with control_unit():
            return Beside.objects.create(workspace=workspace, source=SIDE, moment=at)
    row = _snapshot(workspace, snapshot) if snapshot is not None else snapshots.nearest(workspace, at=at)
    with control_unit():
        return Beside.objects.create(workspace=workspace, source=NIGHTLY, snapshot=row, moment=row.taken_at)


def _snapshot(workspace: Workspace, pk: int) -> Snapshot:
    with control_unit():
        row = Snapshot.objects.filter(workspace=workspace, pk=pk, finished_at__isnull=False).first()
    if row is None:
        raise snapshots.NoneOfNumber(slug=workspace.slug or "", number=pk)
    return row


def proceed(beside: Beside) -> Beside:
    """Fill a copy, or finish putting it back, from wherever it stands. Raises turns.Busy, and what a snapshot raises; then it is given up."""
    with turns.turn(beside.workspace_id) as mine:
        beside = _read(beside.pk)
        if beside.step not in (BesideStep.FILLING, BesideStep.RETURNING):
            return beside
        if not mine:
            raise turns.Busy(slug=beside.workspace.slug)
        try:
            (_fill if beside.step == BesideStep.FILLING else _finish_return)(beside)
        except MovedAway:
            _lie_ready_again(beside)
            raise
        except (CrmError, OSError, psycopg.Error) as error:
            if beside.step == BesideStep.FILLING:
                _note(beside, BesideStep.GIVEN_UP, error=str(error)[:2000])
            raise
    return beside


def resume_all() -> int:
    """What a killed command left, taken up by the keeper; returns how many came to their end."""
    left = Beside.objects.select_related("workspace").filter(step__in=(BesideStep.FILLING, BesideStep.RETURNING))
    return _resuming.go(left.order_by("pk"), _tried, of=lambda beside: beside.workspace)


def _tried(beside: Beside) -> bool:
    try:
        proceed(beside)
    except turns.Busy:
        return False
    return True


def _read(pk: int) -> Beside:
    with control_unit():
        return Beside.objects.select_related("workspace", "snapshot__workspace", "spare").get(pk=pk)


def _note(beside: Beside, step: BesideStep, **values: Any) -> None:
    for name, value in {"step": step, **values}.items():
        setattr(beside, name, value)
    with control_unit():
        beside.save(update_fields=["step", *values])
    reached(f"beside.{step}")


def _fill(beside: Beside) -> None:
    script = None
    if beside.snapshot is not None:
        with control_unit():
            script = TemplateScript.objects.filter(pk=beside.snapshot.version).first()
    spare = spares.make(beside.workspace, cell=beside.workspace.alias, script=script)
    reached("beside.spare")
    if beside.snapshot is not None:
        snapshots.load(beside.snapshot, spare)
    else:
        beside.moment = _from_side_instance(beside.workspace, spare, wished=beside.moment or clock.real_now())
    reached("beside.loaded")
    if spare.template_version != beside.workspace.template_version:
        replay.bring_alone(spare)
    with control_unit():
        drop_at = clock.real_now() + timedelta(days=settings.CRM_BESIDE_DAYS)
        Spare.objects.filter(schema=spare).update(use=Use.BESIDE, drop_at=drop_at)
        beside.spare, beside.step = spare, BesideStep.READY
        beside.save(update_fields=["spare", "moment", "step"])
    reached("beside.ready")


def _from_side_instance(workspace: Workspace, spare: Workspace, *, wished: datetime) -> datetime:
    """All rows out of the instance that was recovered to a point in time; returns the moment it stands at, or the one wished where it does not say."""
    with psycopg.connect(settings.CRM_PITR_URL, autocommit=True, connect_timeout=10) as there, owner.direct(spare.alias) as here:
        [(moment,)] = there.execute("SELECT pg_last_xact_replay_timestamp()").fetchall()
        if moment is not None and moment > wished:
            raise PastIt(stands=f"{moment:%Y-%m-%d %H:%M:%S}", wished=f"{wished:%Y-%m-%d %H:%M:%S}")
        schema = _schema_then(there, workspace)
        if not there.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", [schema]).fetchone():
            raise NotThere(slug=workspace.slug)
        with tables.snapshot(there):
            found = tables.tables(there, schema)
            if {(one.name, one.sorted_names) for one in found} != {(one.name, one.sorted_names) for one in tables.tables(here, spare.schema_name)}:
                raise NotThere(slug=workspace.slug)
            with here.transaction():
                changes.copy_all(End(there, schema), End(here, spare.schema_name), found)
            tables.count_on(here, spare.schema_name, found, tables.counters(there, schema, found))
            wrong = changes.differences(tables.sums(there, schema, found), tables.sums(here, spare.schema_name, found))
    if wrong:
        raise snapshots.NotRestored(tables=", ".join(wrong))
    return moment if isinstance(moment, datetime) else wished


def _schema_then(there: psycopg.Connection[Any], workspace: Workspace) -> str:
    """Where the workspace lived at that moment, by the registry of the instance: since then it may have moved, slept or been put back."""
    registry = f"{settings.PUBLIC_SCHEMA_NAME}.workspace"
    [(known,)] = there.execute("SELECT coalesce(has_table_privilege(to_regclass(%s), 'SELECT'), false)", [registry]).fetchall()
    statement = sql.SQL("SELECT schema_name FROM {} WHERE public_id = %s").format(sql.Identifier(settings.PUBLIC_SCHEMA_NAME, "workspace"))
    found = there.execute(statement, [workspace.public_id]).fetchone() if known else None
    return str(found[0]) if found else workspace.schema_name


def ready(workspace: Workspace, pk: int | None = None) -> Beside:
    """The copy beside a workspace, the last one where none is named. Raises NotBeside, MovedAway."""
    beside, spare = _lying(workspace, pk)
    _need_one_place(beside.workspace, spare)
    return beside


def _lying(workspace: Workspace, pk: int | None) -> tuple[Beside, Workspace]:
    with control_unit():
        lying = Beside.objects.select_related("workspace", "spare").filter(workspace=workspace, step=BesideStep.READY, spare__state=State.SPARE)
        beside = (lying.filter(pk=pk) if pk else lying).order_by("-pk").first()
    if beside is None or beside.spare is None:
        raise NotBeside(pk=pk or "", slug=workspace.slug)
    return beside, beside.spare


def _need_one_place(workspace: Workspace, spare: Workspace) -> None:
    if (spare.alias, spare.template_version) != (workspace.alias, workspace.template_version):
        raise MovedAway(slug=workspace.slug)


def _lie_ready_again(beside: Beside) -> None:
    """A return that was cut short before anything happened, and cannot be any more: the copy is one to look into, as it was."""
    with control_unit():
        Spare.objects.filter(schema=beside.spare).update(use=Use.BESIDE)
    _note(beside, BesideStep.READY)


def return_all(beside: Beside) -> Beside:
    """The copy becomes the workspace, and what was the workspace is kept behind the fence for its days. Raises turns.Busy, NeverStill."""
    with turns.turn(beside.workspace_id) as mine:
        if not mine:
            raise turns.Busy(slug=beside.workspace.slug)
        beside = ready(beside.workspace, beside.pk)
        with control_unit():
            # Being carried: who is turned away by the fence waits for the flip.
            Spare.objects.filter(schema=beside.spare).update(use=Use.FILLING)
        _note(beside, BesideStep.RETURNING)
        _finish_return(beside)
    return beside


def _finish_return(beside: Beside) -> None:
    """Also taken up after a kill: the fence says whether the copy was made ready for the flip."""
    workspace, spare = beside.workspace, beside.spare
    if spare is None or spare.state != State.SPARE:
        raise NotBeside(pk=beside.pk, slug=workspace.slug)
    with owner.direct(workspace.alias) as connection:
        [(open_,)] = connection.execute("SELECT has_schema_privilege(%s, %s, 'USAGE')", [workspace.schema_name, workspace.schema_name]).fetchall()
        if not open_:
            with control_unit():
                _flip(beside)
        else:
            _need_one_place(workspace, spare)
            found = tables.tables(connection, workspace.schema_name)
            with stopping.still(connection, workspace.schema_name, found):
                keeping.carry_over(connection, workspace, spare, found)
                fencing.close(workspace.schema_name, connection=connection)
                with control_unit():
                    _flip(beside)
                    connection.execute("COMMIT")  # first the fence, then the registry: see moving
                    reached("beside.fenced")
    reached("beside.flipped")
    routing.forget(workspace.slug)
    broker.wake(workspace.public_id, workspace.generation + 1)
    _log.info("workspace returned", extra={"workspace": workspace.public_id, "moment": str(beside.moment)})


def _flip(beside: Beside) -> None:
    if beside.spare is None:
        raise NotBeside(pk=beside.pk, slug=beside.workspace.slug)
    spares.exchange(beside.workspace, beside.spare, use=Use.OLD, drop_at=clock.real_now() + timedelta(days=settings.CRM_MOVE_GRACE_DAYS))
    Workspace.objects.filter(pk=beside.workspace_id).update(generation=F("generation") + 1)
    beside.step, beside.returned_at = BesideStep.RETURNED, clock.real_now()
    beside.save(update_fields=["step", "returned_at"])


def drop(workspace: Workspace, pk: int | None = None) -> Beside:
    """Drop a copy before its day, of whatever shape and place; the last one where none is named. Needs the owner's login. Raises NotBeside, turns.Busy."""
    with turns.turn(workspace.pk) as mine:
        if not mine:
            raise turns.Busy(slug=workspace.slug)
        beside, spare = _lying(workspace, pk)
        spares.drop(spare)
    return beside
