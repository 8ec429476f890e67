"""Undoing a move: what it made goes to the bin unless somebody changed it since; what went may come again."""

from __future__ import annotations

from typing import Any

from crm_core.doors.amocrm import names
from crm_core.engagement.notes.models import Note
from crm_core.engagement.tasks import services as tasks
from crm_core.engagement.tasks.models import Task
from crm_core.groundwork.attachments.models import Attachment
from crm_core.groundwork.imports import taking_back, traces
from crm_core.groundwork.imports.taking_back import Writes
from crm_core.groundwork.records import registry
from crm_platform.db import sides
from crm_platform.events.backbone import emit
from crm_platform.events.models import Event
from crm_platform.kernel import jobs, workspace
from crm_platform.kernel.jobs import Again, Lease
from crm_platform.kernel.permissions import Actor, ActorKind, robot

from . import running
from .mapping import ENTITIES
from .models import Move, Moved, Stage

UNDO = "moving.undo"
_BESIDE: dict[str, Any] = {"notes": Note, "history": Note, "tasks": Task, "files": Attachment}


def _fail(pk: int) -> None:
    running.pause(Move.objects.select_for_update().get(pk=pk), "")


@jobs.register(UNDO, kind=jobs.Kind.LONG, failed=_fail)
def run_undo(pk: int, *, lease: Lease) -> Again | None:
    """In batches, each with its mark: the records, then what was added beside them."""
    place, mark = workspace.here(), lease.checkpoint.get("before")
    with running.speaking(pk):
        done = bool(lease.checkpoint.get("made"))
        while not done:
            with sides.unit(place):
                move = Move.objects.select_for_update().get(pk=pk)
                writes = _writes(move)
                mark = taking_back.bin_made(writes, mark)
                move.totals = {**move.totals, "undo": writes.report}
                move.save(update_fields=["totals"])
                done = mark is None
                lease.beat({"before": mark, "made": done})
            if lease.should_yield():
                return Again()
        with sides.unit(place):
            _finish(Move.objects.select_for_update().get(pk=pk))
            lease.beat()
    return None


def _robot(move: Move) -> Actor:
    return robot("undo").through(ActorKind.ROBOT, via=f"undo:{move.via}", quiet=True)


def _writes(move: Move) -> Writes:
    return Writes(Event.objects.filter(via=move.via), [move.via], _robot(move), move.totals.get("undo") or taking_back.empty_report())


def _finish(move: Move) -> None:
    """Promises on what went go too, and what is in the bin is no longer known as moved."""
    for plural, entity in ENTITIES.items():
        mine = Moved.objects.filter(origin=move.host, kind=plural)
        gone = registry.find(entity).model.objects.binned().filter(pk__in=mine.values("our_id")).values("pk")
        if plural in names.CODES:
            for pk in Task.objects.filter(entity=entity, record_id__in=gone, binned_at=None).values_list("pk", flat=True):
                tasks.remove(_robot(move), pk)
            for kind, model in _BESIDE.items():
                on = model.objects.filter(entity=entity, record_id__in=gone).values("pk")
                Moved.objects.filter(origin=move.host, kind=kind, our_id__in=on).delete()
        mine.filter(our_id__in=gone).delete()
    swept = traces.sweep(_robot(move), via=move.via, without=[move.via])
    move.totals = {"undo": {**(move.totals.get("undo") or taking_back.empty_report()), "swept": swept}}
    trial = bool(move.token)
    move.stage, move.cursor = Stage.READY if trial else Stage.UNDONE, {}
    move.choices = {name: value for name, value in move.choices.items() if name != "here"}
    move.save()
    emit(robot("undo"), "move.undone", entity="move", record_id=move.pk, after={"name": move.host}, also=["workspace:1"])
