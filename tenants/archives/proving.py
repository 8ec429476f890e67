"""The weekly proof: the fresh archive is restored into a spare schema, compared, and the schema dropped again. The keeper's work."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db import DatabaseError, close_old_connections, connections
from django.db.models import Q

from crm_platform.db import sides
from crm_platform.kernel import clock, files, ids
from crm_platform.kernel.errors import CrmError, NotFound
from crm_platform.kernel.http.errors import is_disk_full
from crm_platform.kernel.points import reached
from crm_platform.kernel.workspace import Place
from crm_platform.letters import alarms
from tenants.models import FreshArchive, Signup, Workspace
from tenants.models import State as Life
from tenants.opening import unit
from tenants.provisioning import owner
from tenants.rounds import Rounds, is_lost

from . import checking, loading, pulse, restoring, services
from .checking import Given
from .making import Made
from .refusals import NoRoom

_log = logging.getLogger("kartoteka.keeper")
State = FreshArchive.State
# One that was begun so long ago and is not done was begun by a keeper that was killed.
_GIVEN_UP = timedelta(hours=2)
# Seconds until one whose proof was cut short by what says nothing of it (the bucket, the database or the disk) has its turn again.
AGAIN = 600.0
_put_off: dict[int, float] = {}
_thread: threading.Thread | None = None
_telling = Rounds("tell of failed proofs", most=20)
_TEXT = """The archive of {slug} of {made_at:%Y-%m-%d %H:%M} UTC was restored beside the workspace and compared, and that failed: {why}

The workspace itself is not touched. The keeper's log has the trace. The next archive is made and proved within a week, or at once by the owners under Settings → Archives.
"""


def hand_over(place: Place, made: Made) -> None:
    """Leave a fresh archive to be proved; the one before it is forgotten. May be said twice."""
    values = {"state": State.WAITING, "path": files.name_of(made.path), "made_at": clock.real_now()}
    with sides.control_writes():
        FreshArchive.objects.update_or_create(workspace=Workspace.objects.get(public_id=place.public_id), defaults=values)


def of(place: Place) -> FreshArchive | None:
    """What is known of a workspace's fresh archive and its proof."""
    with sides.outside():
        return FreshArchive.objects.filter(workspace__public_id=place.public_id).first()


def start() -> None:
    """Prove what waits, one after the other, beside the keeper's other work; nothing where that goes on already."""
    global _thread
    if _thread is not None and _thread.is_alive():
        return
    with sides.control_unit():
        if not _open().exists():
            return
    _thread = threading.Thread(target=_work, name="proof", daemon=True)
    _thread.start()


def _work() -> None:
    try:
        while prove_next():
            pass
    except DatabaseError:
        _log.exception("a proof could not be begun or noted")
    finally:
        connections.close_all()


def _open() -> Any:
    begun_long_ago = Q(state=State.PROVING, begun_at__lt=clock.real_now() - _GIVEN_UP)
    later = [pk for pk, since in dict(_put_off).items() if time.monotonic() - since < AGAIN]
    return FreshArchive.objects.filter(Q(state=State.WAITING) | begun_long_ago).exclude(pk__in=later)


def forget() -> None:
    """Try those anew that were put off."""
    _put_off.clear()


def prove_next() -> bool:
    """Prove one archive and note what came of it; False where none waits. Needs the owner's login."""
    with sides.control_unit():
        row = _open().select_related("workspace").select_for_update(of=("self",), skip_locked=True).order_by("made_at").first()
        if row is None:
            return False
        row.state, row.begun_at = State.PROVING, clock.real_now()
        row.save(update_fields=["state", "begun_at"])
    reached("proof.begun")
    begun = time.monotonic()
    try:
        figures, sentence = _prove(row.path, cell=row.workspace.alias), ""
    except Exception as error:  # broad: whatever else it is, this archive would not have restored
        if isinstance(error, (files.Away, NoRoom)) or is_lost(error) or is_disk_full(error):
            _wait(row, error)
            return True
        figures, sentence = {}, error.message if isinstance(error, CrmError) else type(error).__name__
        _log.exception("an archive does not restore", extra={"workspace": row.workspace.public_id})
    figures["seconds"] = round(time.monotonic() - begun, 1)
    reached("proof.compared")
    _note(row, figures, sentence)
    return True


def _wait(row: FreshArchive, error: Exception) -> None:
    """Nobody is told that it does not restore: that is not known yet."""
    _put_off[row.pk] = time.monotonic()
    _log.warning("a proof is put off", extra={"workspace": row.workspace.public_id, "error": str(error).strip()})
    close_old_connections()
    with sides.control_unit():
        FreshArchive.objects.filter(pk=row.pk, state=State.PROVING, path=row.path).update(state=State.WAITING)


def _note(row: FreshArchive, figures: dict[str, Any], sentence: str) -> None:
    with sides.control_unit():
        # A newer one may have been handed over meanwhile: that waits for its own proof, and this one may have been taken away under our hands.
        mine = FreshArchive.objects.filter(pk=row.pk, state=State.PROVING, path=row.path).update(state=State.PROVED)
        if sentence and not mine:
            return
        values = {"ok": not sentence, "figures": figures, "sentence": sentence, "proved_at": clock.real_now(), "proved_made_at": row.made_at, "told_at": None}
        FreshArchive.objects.filter(pk=row.pk).update(**values)


def tell_failed() -> int:
    """Write of failed proofs to those who were not told: the firm's owners and the operator; returns how many were. Whoever cannot be entered waits for the next round."""
    untold = FreshArchive.objects.select_related("workspace").filter(ok=False, told_at=None, workspace__state__in=(Life.ACTIVE, Life.LEAVING))
    return _telling.go(untold.order_by("proved_at"), _tell, of=lambda row: row.workspace)


def _tell(row: FreshArchive) -> None:
    """First inside, where the same failure is told once whoever is killed; then on the control side."""
    with unit(row.workspace.place):
        services.unproved(row.sentence, operation=f"unproved-{row.proved_at:%Y%m%dT%H%M%S.%f}")
    reached("proof.told")
    with sides.control_unit():
        if FreshArchive.objects.filter(pk=row.pk, told_at=None, proved_at=row.proved_at).update(told_at=clock.real_now()):
            slug = row.workspace.slug or row.workspace.public_id
            alarms.tell(subject=f"The weekly archive of {slug} does not restore", text=_TEXT.format(slug=slug, made_at=row.proved_made_at, why=row.sentence))


def _prove(name: str, *, cell: str) -> dict[str, Any]:
    operation = uuid.uuid4()
    with _at_hand(name) as path, checking.opened(path) as given, restoring.alive(operation) as check:
        given.read_through()
        spare = _spare(given, cell=cell if owner.held(cell) else owner.FIRST, operation=operation)
        reached("proof.spare")
        try:
            return _compare(given, spare, check)
        finally:
            restoring.undo(spare, operation=operation)


@contextmanager
def _at_hand(name: str) -> Iterator[Path]:
    with ExitStack() as held:
        try:
            path = held.enter_context(files.house().at_hand(name))
        except FileNotFoundError:
            raise NotFound from None
        yield path


def _spare(given: Given, *, cell: str, operation: uuid.UUID) -> Workspace:
    """A schema that nobody can reach: its name is no address. Whoever is killed leaves it to the keeper's next round."""
    take = restoring.taker(given, cell=cell)
    with sides.control_unit():
        spare = take()
        if spare is None:
            raise NotFound
        spare.slug, spare.claimed_at = f"~proof-{ids.random_id(12)}", clock.real_now()
        spare.save(update_fields=["slug", "claimed_at"])
        Signup.objects.create(operation=operation, workspace=spare, slug=spare.slug)
    return spare


def _compare(given: Given, spare: Workspace, check: pulse.Check) -> dict[str, Any]:
    amounts = restoring.fill(given, spare, check=check)
    count = loading.files(given, None, check=check)
    return {"tables": len(amounts), "rows": sum(one.rows for one in amounts.values()), "files": count, "missing": given.content["files"]["missing"]}
