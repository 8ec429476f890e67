"""The ledger's verbs: start, pause, resume, retry; claim and finish steps; go from ring to ring; halt at an error rate."""

from __future__ import annotations

import json
import random
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connections
from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet

from crm_platform.db.sides import CONTROL, control_unit
from crm_platform.kernel import clock
from crm_platform.kernel.errors import CrmError
from crm_platform.kernel.points import reached
from tenants.models import State, Workspace
from tenants.provisioning import template

from .models import OPEN, Ring, Rollout, RolloutState, RolloutStep, StepState

# A holder that has not finished a step by then has died.
LEASE = timedelta(seconds=120)
# Tries of a step that meets locks or a lost server, seconds of the first pause between them, and its ceiling.
MOST_TRIES, PAUSE, LONGEST_PAUSE = 12, 1.0, 60.0
# So many may fail in any rollout without halting it: one broken workspace is no bad migration.
FEW = 2
# What has a schema to be changed.
_HAVE_SCHEMA = (State.ACTIVE, State.LEAVING, State.CLAIMING)


class AlreadyRunning(CrmError):
    """A rollout to this release is open."""

    code, status = "rollout_open", 409
    sentence = "A rollout to this release is under way already ({state}, started by {by})."


class NoRollout(CrmError):
    """Nothing to pause, resume or retry."""

    code, status = "no_rollout", 404
    sentence = "There is no open rollout."


def behind() -> QuerySet[Workspace]:
    """Workspaces with an owner that are not at this release: one query. Inside a control unit."""
    return Workspace.objects.filter(state__in=_HAVE_SCHEMA).exclude(template_version=template.fingerprint())


def start(*, by: str, parallel: int = 2, soak: int = 0, most_failures: float = 0.05, again: bool = True) -> Rollout:
    """Open a rollout of all workspaces that are behind; one to an earlier release that is still open ends here.

    Without `again` those that failed in an earlier one to this release are left to it. Raises AlreadyRunning: of two operators one starts it. Opens a control unit.
    """
    with control_unit():
        _lock_ledger()
        for row in Rollout.objects.filter(state__in=OPEN):
            if row.version == template.fingerprint():
                raise AlreadyRunning(state=row.state, by=row.started_by)
            row.state, row.reason, row.finished_at = RolloutState.DONE, "superseded", clock.real_now()
            row.save(update_fields=["state", "reason", "finished_at"])
        made = Rollout.objects.create(version=template.fingerprint(), started_by=by, parallel=parallel, soak=soak, most_failures=most_failures)
        reached("rollout.begun")
        _add_steps(made, again=again)
    reached("rollout.opened")
    return made


def start_if_behind(*, by: str) -> Rollout | None:
    """Open a rollout where some workspace is behind and none is open. Opens control units."""
    with control_unit():
        needed = behind().exists() and not Rollout.objects.filter(state__in=OPEN, version=template.fingerprint()).exists()
    try:
        return start(by=by) if needed else None
    except AlreadyRunning:
        return None


def start_for_latecomers() -> Rollout | None:
    """Open one more rollout where a workspace came to be behind after the last was done: claimed by the release before, woken where it lay.

    Those that failed wait for an operator, and the first rollout to a release is not begun here. Opens control units.
    """
    version = template.fingerprint()
    with control_unit():
        mine = Rollout.objects.filter(version=version)
        if Rollout.objects.filter(state__in=OPEN).exists() or not mine.exists():
            return None
        late = _not_failed(behind().exclude(template_version__in=template.served()), version=version).exists()
    try:
        return start(by="keeper", again=False) if late else None
    except AlreadyRunning:
        return None


def _lock_ledger() -> None:
    with connections[CONTROL].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('rollout'))")


def _not_failed(found: QuerySet[Workspace], *, version: str) -> QuerySet[Workspace]:
    return found.exclude(Exists(RolloutStep.objects.filter(workspace=OuterRef("pk"), rollout__version=version, state=StepState.FAILED)))


def _left_failed(rollout: Rollout) -> QuerySet[RolloutStep]:
    """What failed in earlier rollouts to the same release, and was not tried in this one: the last try of each."""
    failed = RolloutStep.objects.filter(rollout__version=rollout.version, rollout__lt=rollout.pk, state=StepState.FAILED, workspace__in=behind())
    return failed.exclude(workspace__rollout_steps__rollout=rollout).order_by("workspace", "-rollout").distinct("workspace")


def _add_steps(rollout: Rollout, *, again: bool = False) -> int:
    missing = behind().exclude(rollout_steps__rollout=rollout)
    missing = missing if again else _not_failed(missing, version=rollout.version)
    rows = [RolloutStep(rollout=rollout, workspace_id=pk, ring=ring_of(public_id, slug)) for pk, public_id, slug in missing.values_list("pk", "public_id", "slug")]
    RolloutStep.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def ring_of(public_id: str, slug: str | None) -> Ring:
    """Our own first (CRM_OWN_WORKSPACES), then by a hash of the public id: always the same for a workspace."""
    if slug in settings.CRM_OWN_WORKSPACES:
        return Ring.OWN
    bucket = zlib.crc32(public_id.encode()) % 100
    return Ring.FIRST if bucket < 1 else Ring.TENTH if bucket < 11 else Ring.ALL


def open_rollout() -> Rollout | None:
    """The one that is not done, of this release. Inside a control unit."""
    return Rollout.objects.filter(state__in=OPEN, version=template.fingerprint()).first()


def _change(state: RolloutState, *, reason: str = "") -> Rollout:
    found = open_rollout()
    if found is None:
        raise NoRollout
    found.state, found.reason = state, reason
    found.save(update_fields=["state", "reason"])
    return found


def pause(*, by: str) -> Rollout:
    """Stop after the steps at work. Raises NoRollout. Opens a control unit."""
    with control_unit():
        return _change(RolloutState.PAUSED, reason=f"paused by {by}")


def resume() -> Rollout:
    """Go on, also after a halt: what has failed stays failed. Raises NoRollout. Opens a control unit."""
    with control_unit():
        found = _change(RolloutState.RUNNING)
        Rollout.objects.filter(pk=found.pk).update(most_failures=_forgiving(found))
        # Those of our own that have failed were seen, too: from now on they are like anybody's, while the next of our own still halts it.
        RolloutStep.objects.filter(rollout=found, ring=Ring.OWN, state=StepState.FAILED).update(ring=Ring.FIRST)
        return found


def _forgiving(rollout: Rollout) -> float:
    """An operator who resumes has seen the failures so far: the rate is raised just over them."""
    tried, failed = _tried(rollout)
    return min(1.0, max(rollout.most_failures, (failed + FEW) / tried)) if tried else rollout.most_failures


def retry() -> tuple[Rollout, int]:
    """Try again what has failed, in earlier ones to this release too, and go on; also of a rollout that is done but for those. Raises NoRollout. Opens a control unit."""
    with control_unit():
        found = Rollout.objects.filter(version=template.fingerprint()).order_by("-id").first()
        if found is None:
            raise NoRollout
        RolloutStep.objects.filter(pk__in=list(_left_failed(found).values_list("pk", flat=True))).update(rollout=found)
        again = RolloutStep.objects.filter(rollout=found, state=StepState.FAILED).update(state=StepState.WAITING, tries=0, at=clock.real_now(), error="", leased_until=None)
        if again or found.state in OPEN:
            found.state, found.reason, found.finished_at = RolloutState.RUNNING, "", None
            found.save(update_fields=["state", "reason", "finished_at"])
    return found, again


@dataclass(frozen=True, slots=True)
class Taken:
    """A claimed step and where its workspace is."""

    pk: int
    workspace_id: int
    public_id: str
    schema: str
    cell: str
    tries: int
    indexes: tuple[str, ...]


_CLAIM = """
UPDATE rollout_step step SET leased_until = %(until)s, tries = tries + 1
FROM workspace WHERE workspace.id = step.workspace_id AND step.id IN (
    SELECT id FROM rollout_step
    WHERE rollout_id = %(rollout)s AND state = 'waiting' AND (ring <= %(ring)s OR hurried) AND at <= %(now)s
      AND (leased_until IS NULL OR leased_until < %(now)s)
    ORDER BY hurried DESC, ring, at, id LIMIT %(most)s FOR UPDATE SKIP LOCKED)
RETURNING step.id, workspace.id, workspace.public_id, workspace.schema_name, workspace.alias, step.tries, step.indexes
"""


def claim(rollout: Rollout, *, most: int) -> list[Taken]:
    """Take up to `most` steps of the rings that are open; those of a dead holder among them. Opens a control unit."""
    with control_unit(), connections[CONTROL].cursor() as cursor:
        now = clock.real_now()
        cursor.execute(_CLAIM, {"now": now, "until": now + LEASE, "rollout": rollout.pk, "ring": rollout.ring, "most": most})
        return [_taken(*row) for row in cursor.fetchall()]


def _taken(pk: int, workspace_id: int, public_id: str, schema: str, cell: str, tries: int, indexes: str) -> Taken:
    return Taken(pk, workspace_id, public_id, schema, cell, tries, tuple(json.loads(indexes)))


def keep_indexes(step: int, statements: list[str]) -> None:
    """Note indexes that are still to be made, before the transaction that leaves them out. Opens a control unit."""
    with control_unit():
        RolloutStep.objects.filter(pk=step).update(indexes=statements)


def done(found: Sequence[tuple[Taken, int]]) -> None:
    """Note workspaces that are at this release, each with its milliseconds. Opens a control unit."""
    with control_unit():
        Workspace.objects.filter(pk__in=[taken.workspace_id for taken, _ms in found]).update(template_version=template.fingerprint())
        reached("rollout.noting")
        rows = [RolloutStep(pk=taken.pk, state=StepState.DONE, took_ms=ms, leased_until=None, error="", indexes=[]) for taken, ms in found]
        RolloutStep.objects.bulk_update(rows, ["state", "took_ms", "leased_until", "error", "indexes"])


def failed(taken: Taken, *, error: str, transient: bool) -> None:
    """Note a failure: tried again after a pause with jitter where it may pass, else for an operator to see. Opens a control unit."""
    again = transient and taken.tries < MOST_TRIES
    pause = min(LONGEST_PAUSE, PAUSE * 2 ** (taken.tries - 1)) * random.uniform(0.5, 1.5)  # noqa: S311 (jitter)
    values: dict[str, Any] = {"error": error[:1000], "leased_until": None}
    values |= {"at": clock.real_now() + timedelta(seconds=pause)} if again else {"state": StepState.FAILED}
    with control_unit():
        RolloutStep.objects.filter(pk=taken.pk, state=StepState.WAITING).update(**values)


def hurry(public_id: str) -> None:
    """Somebody waits for this workspace: it comes next, whatever its ring. Inside a control unit."""
    RolloutStep.objects.filter(workspace__public_id=public_id, state=StepState.WAITING, rollout__state=RolloutState.RUNNING).update(hurried=True)


def _tried(rollout: Rollout) -> tuple[int, int]:
    counts = Counter(dict(RolloutStep.objects.filter(rollout=rollout).exclude(state=StepState.WAITING).values_list("state").annotate(number=Count("id"))))
    return counts.total(), counts[StepState.FAILED]


def go_on(pk: int) -> Rollout:
    """Judge the failures so far, and open the next ring when this one is through; gives the rollout as it now is. Opens a control unit."""
    with control_unit():
        rollout = Rollout.objects.select_for_update().get(pk=pk)
        if rollout.state != RolloutState.RUNNING:
            return rollout
        # Asked first: what another hand fails after this look still counts as waiting, so its failure is judged before the next ring opens.
        waits = _forget_gone(rollout).filter(ring__lte=rollout.ring).exists()
        tried, bad = _tried(rollout)
        own = RolloutStep.objects.filter(rollout=rollout, ring=Ring.OWN, state=StepState.FAILED).exists()
        if (own and rollout.ring == Ring.OWN) or (bad > FEW and bad > rollout.most_failures * tried):
            rollout.state, rollout.reason = RolloutState.HALTED, f"{bad} of {tried} workspaces failed"
        elif not waits:
            _next_ring(rollout)
        rollout.save()
        return rollout


def _forget_gone(rollout: Rollout) -> QuerySet[RolloutStep]:
    """The steps that wait; those of workspaces erased meanwhile are dropped."""
    waiting = RolloutStep.objects.filter(rollout=rollout, state=StepState.WAITING)
    waiting.exclude(workspace__state__in=_HAVE_SCHEMA).delete()
    return waiting


def _next_ring(rollout: Rollout) -> None:
    now = clock.real_now()
    if rollout.ring < Ring.ALL:
        worked = RolloutStep.objects.filter(rollout=rollout, ring=rollout.ring).exists()
        if not worked or now - rollout.ring_since >= timedelta(seconds=rollout.soak):
            rollout.ring, rollout.ring_since = rollout.ring + 1, now
    elif not _add_steps(rollout):  # else whoever was claimed meanwhile at an older version
        rollout.state, rollout.finished_at = RolloutState.DONE, now


def status() -> dict[str, Any]:
    """Figures for the command line and the operator's console. Inside a control unit."""
    rollout = Rollout.objects.filter(version=template.fingerprint()).order_by("-id").first()
    versions = dict(Workspace.objects.filter(state__in=_HAVE_SCHEMA).values_list("template_version").annotate(number=Count("id")))
    facts: dict[str, Any] = {"version": template.fingerprint(), "behind": behind().count(), "versions": versions, "rollout": None}
    if rollout is None:
        return facts
    found = RolloutStep.objects.filter(rollout=rollout)
    failed = RolloutStep.objects.filter(Q(pk__in=_left_failed(rollout).values("pk")) | Q(rollout=rollout, state=StepState.FAILED))
    rings = {ring.name.lower(): dict(found.filter(ring=ring).values_list("state").annotate(number=Count("id"))) for ring in Ring}
    spent = ((rollout.finished_at or clock.real_now()) - rollout.started_at).total_seconds()
    finished = found.filter(state=StepState.DONE).count()
    facts["rollout"] = {
        "state": rollout.state, "reason": rollout.reason, "ring": Ring(rollout.ring).name.lower(), "started_by": rollout.started_by,
        "started_at": rollout.started_at, "finished_at": rollout.finished_at, "seconds": round(spent, 1), "rings": rings,
        "done": finished, "waiting": found.filter(state=StepState.WAITING).count(), "failed": failed.count(),
        "per_second": round(finished / spent, 1) if spent else None, "slowest_ms": found.aggregate(most=Max("took_ms"))["most"],
        "errors": dict((found.exclude(error="") | failed).values_list("error").annotate(number=Count("id")).order_by("-number")[:10]),
        "failing": list(failed.values_list("workspace__slug", flat=True)[:20]),
    }  # fmt: skip
    return facts
