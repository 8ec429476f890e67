"""Erasing a workspace, step by step: by the keeper when the date has come, or at once by a command. Each step may be repeated.

Whatever kills it, and wherever, the next round goes on from the steps that the certificate lists. The first step is the last
look at whether it is to be: from then on the state is `erased`, and nothing leads back. A step may say that it waits for
somebody outside: then the rounds come by until it is done, and nothing is dropped before.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable

from django.conf import settings

from crm_platform.db.sides import control_unit
from crm_platform.kernel import clock, files, versions
from crm_platform.kernel.points import reached
from tenants import routing
from tenants.carrying import spares, turns
from tenants.models import (
    Beside,
    BesideStep,
    Domain,
    Due,
    EmailIndex,
    FreshArchive,
    Signup,
    Snapshot,
    Spare,
    State,
    Workspace,
)
from tenants.moving.models import Move, Step
from tenants.provisioning import owner
from tenants.rounds import Rounds
from tenants.sleeping.models import Nap, NapStep
from tenants.snapshots import services as snapshots

from . import certificates, dropping, hosts, states
from .models import Certificate, Departure, Entry, Suspension
from .states import By

_log = logging.getLogger("kartoteka.keeper")
Doing = Callable[[Workspace], bool | None]
_matters: list[Callable[[Workspace], bool]] = []
_begun, _due = Rounds("erase what is begun", most=20), Rounds("erase what is due", most=5)


def before_dropping(settled: Callable[[Workspace], bool]) -> None:
    """Add what an upper folder has to settle before anything is dropped: whether it is, asked in each round until it is so. Called at start-up."""
    _matters.append(settled)


def erase_at_once(workspace: Workspace, *, by: By, reason: str = "") -> Certificate:
    """Erase a workspace now, asleep or not: for the operator's command. Needs the owner's login; raises NoSuchWay.

    Where something is to be settled outside first, the certificate is unfinished, and the keeper goes on.
    """
    with control_unit():
        row = _locked(workspace)
        before, departure = _leaves_now(row, by=by)
        if before == State.ASLEEP:  # it is not woken for this: there is nothing to read until then, and no schema to read it from
            _begin(row, departure)
        else:
            states.record(row, "leaving", by=by, operation=uuid.uuid4(), reason=reason, before=before)
    erase(row)
    return Certificate.objects.using("control").get(workspace=row)


def erase_if(workspace: Workspace, *, still: Callable[[Workspace], bool], by: By, reason: str = "") -> Certificate | None:
    """Erase a workspace now, if `still` says so once more in the unit that decides, with the workspace locked; None where not. Needs the owner's login.

    From then on nothing leads back, and the keeper finishes what is cut short.
    """
    with control_unit():
        row = _locked(workspace)
        if not still(row):
            return None
        before, departure = _leaves_now(row, by=by)
        states.record(row, "leaving", by=by, operation=uuid.uuid4(), reason=reason, before=before)
        _begin(row, departure)
    reached("erase.begun")
    routing.forget()
    erase(row)
    return Certificate.objects.using("control").get(workspace=row)


def _locked(workspace: Workspace) -> Workspace:
    return states.locked(workspace.public_id, among=(State.ACTIVE, State.LEAVING, State.ASLEEP))


def _leaves_now(row: Workspace, *, by: By) -> tuple[State, Departure]:
    """A locked workspace is on its way out, its day is today; what it was before. Inside a control unit."""
    before = State(row.state)
    if before == State.ACTIVE:
        states.move(row, State.LEAVING)
    departure, _made = Departure.objects.update_or_create(workspace=row, defaults={"erases_at": clock.now(), "asked_by": by.kind, "asked_at": clock.now()})
    return before, departure


def erase_due() -> int:
    """Erase what is due, and finish what was cut short; returns how many went well. One that fails waits for the next round and stops no other, however many fail."""
    due = Workspace.objects.filter(state=State.LEAVING, departure__erases_at__lte=clock.now()).order_by("departure__erases_at")
    half = Workspace.objects.filter(state=State.ERASED, erased_at=None).order_by("pk")
    return _begun.go(half, erase) + _due.go(due, erase)


def erase(workspace: Workspace) -> bool:
    """All steps that are still to do; False where one waits for somebody outside. Needs the owner's login; raises turns.Busy while it is being carried elsewhere."""
    with turns.turn(workspace.pk) as mine:
        if not mine:
            raise turns.Busy(slug=workspace.slug)
        with control_unit():
            workspace.refresh_from_db(fields=["schema_name", "alias"])  # it may have moved since the caller read it
        return _erase(workspace)


def _erase(workspace: Workspace) -> bool:
    with owner.seated(workspace.alias), owner.alone(workspace.pk):
        # The keeper and a command may both have seen the date: whoever comes second finds it done, or called back.
        for name, step in STEPS:
            certificate = _certificate_of(workspace)
            if certificate is not None and name in certificate.steps:
                continue
            if certificate is None and name != "marked":
                break
            if step(workspace) is False:
                return False
            reached(f"erase.{name}")
            _note(workspace, name)
            reached(f"erase.{name}.noted")
    return True


def _certificate_of(workspace: Workspace) -> Certificate | None:
    with control_unit():
        return Certificate.objects.filter(workspace=workspace).first()


def _note(workspace: Workspace, name: str) -> None:
    with control_unit():
        certificate = Certificate.objects.select_for_update().filter(workspace=workspace).first()
        if certificate is not None and name not in certificate.steps:
            certificate.steps = {**certificate.steps, name: clock.now().isoformat()}
            certificate.save(update_fields=["steps"])


def _mark(workspace: Workspace) -> None:
    """The last look, under lock: still leaving, and the date has come."""
    with control_unit():
        row = Workspace.objects.select_for_update().get(pk=workspace.pk)
        departure = Departure.objects.filter(workspace=row).first()
        if row.state != State.LEAVING or departure is None or departure.erases_at > clock.now():
            return
        _begin(row, departure)
    routing.forget()


def _begin(row: Workspace, departure: Departure) -> None:
    """From here on nothing leads back. Inside a control unit."""
    before = states.move(row, State.ERASED)
    certificates.begin(row, departure)
    states.record(row, "erased", by=states.KEEPER, operation=uuid.uuid4(), before=before)


def _stop(workspace: Workspace) -> None:
    """Nobody enters any more: not even a process that still believes in the address."""
    dropping.shut_out(workspace.schema_name, login=settings.DATABASES[workspace.alias]["USER"])


def _settle(workspace: Workspace) -> bool:
    """What is to be settled outside, by those to whom it belongs."""
    return all(settled(workspace) for settled in _matters)


def _count(workspace: Workspace) -> None:
    counted = {**dropping.counted(workspace.schema_name), **_files_of(workspace)}
    with control_unit():
        nap = Nap.objects.select_related("snapshot").filter(workspace=workspace, finished_at=None, step=NapStep.ASLEEP).first()
        if nap is not None and nap.snapshot is not None:  # a sleeper's rows stand in its snapshot alone
            counted |= {"tables": len(nap.snapshot.manifest["tables"]), "rows": nap.snapshot.rows}
        counted["copies"] = Snapshot.objects.filter(workspace=workspace).count() + Spare.objects.filter(owner=workspace).count()
        Certificate.objects.filter(workspace=workspace).update(erased=counted)


def _drop(workspace: Workspace) -> None:
    owner.drop_workspace(workspace.schema_name)


def _drop_copies(workspace: Workspace) -> None:
    """Earlier places, copies beside it, snapshots: the certificate says that it is gone, so they go first, wherever they lie."""
    with control_unit():
        spare = list(Workspace.objects.filter(state=State.SPARE, spare__owner=workspace))
        kept = list(Snapshot.objects.filter(workspace=workspace))
    for one in spare:
        spares.drop(one)
    for snapshot in kept:
        snapshots.remove(snapshot)


def _files_of(workspace: Workspace) -> dict[str, int]:
    sizes = [size for _name, size in files.of_workspace(workspace.public_id)]
    return {"files": len(sizes), "file_bytes": sum(sizes)}


def _remove_files(workspace: Workspace) -> None:
    files.house().erase(f"{workspace.public_id}/")


def _forget(workspace: Workspace) -> None:
    """Addresses, the index of e-mails, what is kept in the cache; of the acts the names and reasons."""
    with control_unit():
        row = Workspace.objects.select_for_update().get(pk=workspace.pk)
        slug = row.slug
        hosts.forget_all(row)
        for rows in (Domain.objects.filter(tenant=row), *(model.objects.filter(workspace=row) for model in (EmailIndex, Due, Signup, Departure, Suspension, FreshArchive))):
            rows.delete()
        over = {"finished_at": clock.real_now(), "error": ""}  # what was under way with it is not taken up again
        Nap.objects.filter(workspace=row, finished_at=None).update(step=NapStep.GIVEN_UP, **over)
        Move.objects.filter(workspace=row, finished_at=None).update(step=Step.GIVEN_UP, **over)
        Beside.objects.filter(workspace=row, step__in=(BesideStep.FILLING, BesideStep.READY, BesideStep.RETURNING)).update(step=BesideStep.GIVEN_UP)
        Entry.objects.filter(workspace=row).update(by_id=None, by_name="", reason="", body={})
        row.slug, row.name, row.suspended_reason = None, "", ""
        row.save(update_fields=["slug", "name", "suspended_reason"])
    routing.forget(slug)
    versions.forget_workspace(workspace.place)


def _certify(workspace: Workspace) -> None:
    with control_unit():
        certificate = Certificate.objects.select_for_update().get(workspace=workspace)
        certificates.finish(certificate)
        Workspace.objects.filter(pk=workspace.pk).update(erased_at=certificate.finished_at)
    _log.info("workspace erased", extra={"workspace": workspace.public_id})


STEPS: list[tuple[str, Doing]] = [
    ("marked", _mark),
    ("stopped", _stop),
    ("settled", _settle),
    ("counted", _count),
    ("schema", _drop),
    ("copies", _drop_copies),
    ("files", _remove_files),
    ("addresses", _forget),
    ("certificate", _certify),
]
