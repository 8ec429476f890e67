"""Waking, by the keeper, within seconds of the first asking."""

from __future__ import annotations

import logging
import threading
import time

from django.db import close_old_connections

from crm_platform.db.sides import control_unit
from crm_platform.jobs import broker
from crm_platform.kernel import clock
from crm_platform.kernel.errors import CrmError
from crm_platform.kernel.points import reached
from crm_platform.letters import alarms
from tenants import calling
from tenants.carrying import fencing, spares, turns
from tenants.models import Nap, NapStep, Snapshot, State, TemplateScript, Use, Workspace
from tenants.provisioning import owner, pool, template
from tenants.rollout import replay
from tenants.rounds import Rounds
from tenants.snapshots import services as snapshots

_log = logging.getLogger("kartoteka.keeper")
# Seconds until one whose snapshot is lost is tried again by itself: its file may have been put back.
AGAIN = 600.0
_put_off: dict[int, float] = {}
_waking = Rounds("wake who is asked for", most=20)
_TEXT = """Somebody came to {slug}, which is asleep, and it could not be woken: {why}

Whoever comes reads that you have been told. Its rows stand in the snapshot {number} alone, the file {file} where the snapshots are kept. Put that back, from a copy if need be, and then:

bin/crm wake-workspace --workspace {slug}
"""


def watch(stop: threading.Event) -> None:
    """In the keeper's process, beside its rounds: wake whoever is asked for, at once."""
    with owner.seated():
        while not stop.is_set():
            calling.wait(calling.WAKE, stop, seconds=2)
            try:
                wake_asked()
            except Exception:  # broad: a thread that ended would wake nobody any more, and be missed by nobody
                _log.exception("waking failed")
                close_old_connections()


def wake_asked() -> int:
    """Wake all who are asked for; returns how many."""
    now = time.monotonic()
    later = [pk for pk, since in dict(_put_off).items() if now - since < AGAIN]  # of both the keeper's threads
    open_ones = Nap.objects.select_related("workspace").filter(finished_at=None, wake_asked_at__isnull=False)
    asked = open_ones.exclude(step__in=(NapStep.AWAKE, NapStep.GIVEN_UP)).exclude(pk__in=later)
    return _waking.go(asked.order_by("wake_asked_at"), wake, of=lambda nap: nap.workspace)


def wake(nap: Nap) -> bool:
    """Give the workspace its schema back; False where another does, or it is not asleep. Raises what a snapshot raises; the operator has been told then."""
    began = time.monotonic()
    with turns.turn(nap.workspace_id) as mine:
        if not mine:
            return False
        with control_unit():
            nap = Nap.objects.select_related("workspace", "snapshot").get(pk=nap.pk)
        if nap.finished_at is not None or nap.workspace.state != State.ASLEEP:
            return False
        if not _still_there(nap):
            try:
                _restore(nap)
            except snapshots.UNUSABLE as error:
                _lost(nap, error)
                raise
    nap.waking_ms = round((time.monotonic() - began) * 1000)
    with control_unit():
        Nap.objects.filter(pk=nap.pk).update(waking_ms=nap.waking_ms)
    broker.wake(nap.workspace.public_id, nap.workspace.generation)
    _log.info("workspace woken", extra={"workspace": nap.workspace.public_id, "ms": nap.waking_ms})
    return True


def _lost(nap: Nap, error: CrmError) -> None:
    """It does not wake by itself: noted for whoever comes, and written to the operator the first time."""
    _put_off[nap.pk] = time.monotonic()
    slug = nap.workspace.slug or nap.workspace.public_id
    with control_unit():
        if Nap.objects.filter(pk=nap.pk, error="").update(error=error.message[:2000]):
            alarms.tell(subject=f"{slug} cannot be woken", text=_TEXT.format(slug=slug, why=error.message, number=nap.snapshot_id or "–", file=nap.snapshot.file if nap.snapshot else "–"))


def _still_there(nap: Nap) -> bool:
    """A sleep that had not come to the dropping: the fence is opened again."""
    with owner.seated(nap.alias):
        if not owner.has_schema(nap.schema):
            return False
        fencing.open_again(nap.schema)
    reached("wake.opened")
    with control_unit():
        Workspace.objects.filter(pk=nap.workspace_id, state=State.ASLEEP).update(state=State.ACTIVE)
        _awake(nap)
    return True


def _awake(nap: Nap) -> None:
    """In the unit that gives the workspace its place: both or neither. Its snapshot is one like others now."""
    Nap.objects.filter(pk=nap.pk).update(step=NapStep.AWAKE, error="", finished_at=clock.real_now())
    _put_off.pop(nap.pk, None)
    if nap.snapshot is not None:
        Snapshot.objects.filter(pk=nap.snapshot.pk).update(keep=False)


def _restore(nap: Nap) -> None:
    if nap.snapshot is None or not snapshots.is_there(nap.snapshot):
        raise snapshots.Lost(slug=nap.workspace.slug)
    with control_unit():
        script = TemplateScript.objects.filter(pk=nap.snapshot.version).first()
        cell = nap.alias if owner.held(nap.alias) else next(alias for alias in pool.occupancy() if owner.held(alias))
    spare = spares.make(nap.workspace, cell=cell, script=script)
    reached("wake.spare")
    try:
        snapshots.load(nap.snapshot, spare)
    except snapshots.UNUSABLE:
        spares.drop(spare)
        raise
    reached("wake.loaded")
    if spare.template_version != template.fingerprint():
        replay.bring_alone(spare)
    with control_unit():
        row = spares.exchange(nap.workspace, spare, use=Use.OLD, drop_at=clock.real_now())
        row.state = State.ACTIVE
        row.save(update_fields=["state"])
        _awake(nap)
    reached("wake.exchanged")
