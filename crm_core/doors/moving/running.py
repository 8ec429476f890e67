"""The jobs of a move: a question outside of any unit, then its answer written together with the place one has come to.

A killed worker doubles nothing and loses nothing: what was not written is asked again.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import translation

from crm_platform.accounts.actors import actor_of
from crm_platform.accounts.models import User
from crm_platform.db import sides
from crm_platform.events.backbone import emit
from crm_platform.kernel import clock, jobs, preferences, secrets_box, workspace
from crm_platform.kernel.errors import CrmError
from crm_platform.kernel.jobs import Again, Lease
from crm_platform.kernel.permissions import Actor, ActorKind
from crm_platform.kernel.points import reached

from . import looking, mapping, staying, steps
from .foreign import Account, Trouble
from .models import Move, Moved, Stage
from .steps import Ask
from .work import Row, Work

LOOK, RUN = "moving.look", "moving.run"
# After so many failures in a row the move stands still until a person lets it go on.
MOST_TRIES, PATIENT = 8, 3


def acting(move: Move) -> Actor:
    """Who moves, with the rights of now; quiet, for what comes happened long ago."""
    person = User.objects.select_related("role", "group").get(pk=move.started_by_id or 0)
    return actor_of(person).through(ActorKind.IMPORT, via=move.via, quiet=True)


def account_of(move: Move) -> Account:
    """Whom to ask."""
    found = move.inventory.get("account", {})
    return Account(move.base, secrets_box.decrypt(move.token) if move.token else "", str(found.get("drive_url") or "").rstrip("/"))


def speaking(pk: int) -> AbstractContextManager[None]:
    """In the language of who moves: a worker has none of its own."""
    with sides.unit(workspace.here()):
        by = Move.objects.values_list("started_by_id", flat=True).get(pk=pk)
        language = User.objects.filter(pk=by).values_list("language", flat=True).first() or preferences.here().language
    return translation.override(language)


def _fail(pk: int) -> None:
    """A mistake of ours: what is in stays, and the move can go on once it is mended."""
    move = Move.objects.select_for_update().get(pk=pk)
    pause(move, "")


def pause(move: Move, trouble: str) -> None:
    """Stand still; `resumes` says in what one goes on."""
    move.resumes, move.stage, move.trouble, move.stop_asked = move.stage if move.stage != Stage.PAUSED else move.resumes, Stage.PAUSED, trouble, False
    move.save(update_fields=["resumes", "stage", "trouble", "stop_asked"])


def _troubled(pk: int, trouble: Trouble, name: str) -> None:
    """Later again, or stand still."""
    move = Move.objects.select_for_update().get(pk=pk)
    if move.stage not in (Stage.LOOKING, Stage.TRYING, Stage.MOVING):
        return
    move.tries, move.trouble = move.tries + 1, trouble.sentence
    if not trouble.again or move.tries >= MOST_TRIES:
        pause(move, trouble.sentence)
    else:
        wait = trouble.wait if trouble.wait is not None else min(600.0, 5.0 * 2**move.tries)
        jobs.later(name, pk, at=clock.real_now() + timedelta(seconds=wait), key=f"{name}:{pk}")
    move.save(update_fields=["tries", "trouble"])


@jobs.register(LOOK, kind=jobs.Kind.LONG, failed=_fail)
def look(pk: int, *, lease: Lease) -> None:
    """The inventory; nothing is written before all of it is known."""
    place = workspace.here()

    def beat() -> None:
        with sides.unit(place):
            lease.beat()

    with speaking(pk):
        with sides.unit(place):
            move = Move.objects.get(pk=pk)
            account = account_of(move)
        if move.stage != Stage.LOOKING:
            return
        try:
            found = looking.look(account, beat=beat)
        except Trouble as trouble:
            with sides.unit(place):
                _troubled(pk, trouble, LOOK)
            return
        with sides.unit(place):
            lease.beat()
            move = Move.objects.select_for_update().get(pk=pk)
            if move.stage == Stage.LOOKING:
                move.inventory, move.choices = found, mapping.again(found, move.choices)
                move.stage, move.trouble, move.tries = Stage.READY, "", 0
                move.save()


@dataclass(frozen=True, slots=True)
class _Next:
    """The question to be put, and the place in the move that it belongs to."""

    account: Account
    step: str
    ask: Ask
    cursor: dict[str, Any]
    patient: bool


@jobs.register(RUN, kind=jobs.Kind.LONG, failed=_fail)
def run(pk: int, *, lease: Lease) -> Again | None:
    """The trial or the whole move, from where it stands."""
    place = workspace.here()
    with speaking(pk):
        while True:
            with sides.unit(place):
                lease.beat()
                following = _next(pk)
            if following is None:
                return None
            try:
                rows, more = steps.fetch(following.account, following.step, following.ask, following.cursor["page"], wanted=lambda uuid: _is_wanted(pk, uuid), patient=following.patient)
            except Trouble as trouble:
                with sides.unit(place):
                    _troubled(pk, trouble, RUN)
                return None
            reached("moving.fetched")
            try:
                with sides.unit(place):
                    lease.beat()
                    _write(pk, following, rows, more=more)
                    reached("moving.writing")
            except CrmError as refusal:
                with sides.unit(place):
                    pause(Move.objects.select_for_update().get(pk=pk), refusal.message)
                return None
            reached("moving.written")
            if lease.should_yield():
                return Again()


def _is_wanted(pk: int, uuid: str) -> bool:
    with sides.unit(workspace.here()):
        return not Moved.objects.filter(origin=Move.objects.get(pk=pk).host, kind="files", foreign_id=uuid).exists()


def _next(pk: int) -> _Next | None:
    """What to ask now; steps that have nothing to ask are passed, at the end the move is closed."""
    move = Move.objects.select_for_update().get(pk=pk)
    if move.stage not in (Stage.TRYING, Stage.MOVING):
        return None
    if move.stop_asked:
        pause(move, "")
        return None
    wanted = steps.steps(move.stage)
    while move.cursor["step"] in wanted:
        asks = wanted[move.cursor["step"]][0](move)
        if move.cursor["ask"] < len(asks):
            move.save(update_fields=["cursor"])
            return _Next(account_of(move), move.cursor["step"], asks[move.cursor["ask"]], dict(move.cursor), move.tries < PATIENT)
        names = list(wanted)
        at = names.index(move.cursor["step"]) + 1
        move.cursor = {**move.cursor, "step": names[at] if at < len(names) else "", "ask": 0, "page": 1}
    _close(move)
    return None


def _write(pk: int, following: _Next, rows: list[Row], *, more: bool) -> None:
    """A page and the place behind it. A move that was stopped, undone or asked by another meanwhile takes nothing."""
    move = Move.objects.select_for_update().get(pk=pk)
    if move.cursor != following.cursor or move.stage not in (Stage.TRYING, Stage.MOVING):
        return
    work = Work(move, acting(move))
    steps.steps(move.stage)[following.step][1](work, following.ask, rows)
    work.settle()
    ahead = {"page": following.cursor["page"] + 1} if more else {"page": 1, "ask": following.cursor["ask"] + 1}
    move.cursor, move.trouble, move.tries = {**move.cursor, **ahead}, "", 0
    move.save(update_fields=["cursor", "trouble", "tries", "totals"])


def _close(move: Move) -> None:
    """The trial is there to be looked at; after the whole move the token is not needed any more."""
    trial = move.stage == Stage.TRYING
    move.stage, move.trouble, move.tries, move.finished_at = Stage.TRIED if trial else Stage.DONE, "", 0, clock.now()
    if not trial:
        move.token = ""
        staying.tell_missing(move)
    move.save()
    emit(acting(move), "move.tried" if trial else "move.done", entity="move", record_id=move.pk, after={"name": move.host, "created": move.totals.get("leads", 0)}, also=["workspace:1"])
