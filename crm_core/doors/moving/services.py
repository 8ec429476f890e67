"""Verbs of moves, for those who administer: begin, choose, try, move, stop, go on, undo, put away."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _

from crm_core.people.companies.permissions import COMPANIES
from crm_core.people.contacts.permissions import CONTACTS
from crm_core.sales.deals.permissions import DEALS
from crm_platform.accounts.roles import SETTINGS
from crm_platform.events.backbone import emit
from crm_platform.kernel import clock, jobs, secrets_box
from crm_platform.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from crm_platform.kernel.permissions import Actor, Scope, as_ever, may, require

from . import foreign, mapping, preparing, running, staying, steps, undoing
from .models import AT_WORK, Left, Move, Stage

UNDO_FOR = timedelta(days=30)
LONGEST_TOKEN = 4000


class OneAtWork(Conflict):
    """Two at once would be in each other's way."""

    code = "move_at_work"
    sentence = _("A move is under way here already. Wait until it is done, or stop it.")


class NotNow(Conflict):
    """The move stands elsewhere."""

    code = "move_not_now"
    sentence = _("The move has gone on meanwhile. Its page shows where it stands.")


def may_move(actor: Actor) -> bool:
    """Whoever administers and sees all: what comes belongs to everybody."""
    return may(as_ever(actor), SETTINGS.right("edit")) and all(as_ever(actor).scope_for(entity.CREATE) == Scope.ALL for entity in (DEALS, CONTACTS, COMPANIES))


def _require(actor: Actor) -> None:
    require(actor, SETTINGS.right("edit"))
    if not may_move(actor) or actor.user_id is None:
        raise Forbidden(right=SETTINGS.right("edit").key)


def all_moves(actor: Actor) -> list[Move]:
    """The newest first. Raises Forbidden."""
    if not may_move(actor):
        raise Forbidden(right=SETTINGS.right("edit").key)
    return list(Move.objects.defer("inventory")[:50])


def get(actor: Actor, pk: int, *, lock: bool = False) -> Move:
    """One of them. Raises Forbidden, NotFound."""
    if not may_move(actor):
        raise Forbidden(right=SETTINGS.right("edit").key)
    found = (Move.objects.select_for_update() if lock else Move.objects).filter(pk=pk).first()
    if found is None:
        raise NotFound
    return found


def _to_change(actor: Actor, pk: int, *stages: str) -> Move:
    _require(actor)
    found = get(actor, pk, lock=True)
    if found.stage not in stages:
        raise NotNow
    return found


def begin(actor: Actor, *, address: str, token: str) -> Move:
    """Look around over there; nothing is moved. Raises Invalid for what is no address or no token, OneAtWork."""
    _require(actor)
    base, plain = foreign.base_of(address), _token(token)
    if Move.objects.filter(stage__in=AT_WORK).exists():
        raise OneAtWork
    made = Move.objects.create(base=base, token=secrets_box.encrypt(plain), started_by_id=actor.user_id)
    emit(actor, "move.begun", entity="move", record_id=made.pk, after={"name": made.host}, also=["workspace:1"])
    jobs.later(running.LOOK, made.pk, key=f"{running.LOOK}:{made.pk}")
    return made


def _token(given: str) -> str:
    token = "".join(given.split())
    if not token or len(token) > LONGEST_TOKEN or not token.isascii():
        raise Invalid(fields={"token": [_("Paste the long-lived token of an integration of the account.")]})
    return token


def choose(actor: Actor, pk: int, given: Mapping[str, Any]) -> Move:
    """Who is whom, and what becomes of pipelines and fields; what makes no sense stands as suggested."""
    move = _to_change(actor, pk, Stage.READY, Stage.TRIED)
    move.choices = {**mapping.checked(move.inventory, given), **({"here": move.choices["here"]} if "here" in move.choices else {})}
    move.save(update_fields=["choices"])
    return move


def attempt(actor: Actor, pk: int) -> Move:
    """Bring in fifty deals and what hangs on them. Raises PlanRefusal for a pipeline too many, OneAtWork."""
    return _start(actor, _to_change(actor, pk, Stage.READY), stage=Stage.TRYING)


def start(actor: Actor, pk: int) -> Move:
    """Bring in everything; what a trial brought stays and is not doubled. Raises PlanRefusal for a pipeline too many, OneAtWork."""
    return _start(actor, _to_change(actor, pk, Stage.READY, Stage.TRIED), stage=Stage.MOVING)


def _start(actor: Actor, move: Move, *, stage: str) -> Move:
    if Move.objects.filter(stage__in=AT_WORK).exists():
        raise OneAtWork
    move.started_by_id, move.totals = actor.user_id, {name: number for name, number in move.totals.items() if name != "undo"}
    Left.objects.filter(move=move).delete()
    preparing.prepare(running.acting(move), move)
    if stage == Stage.MOVING:
        staying.tell(move)
    move.stage, move.cursor, move.finished_at, move.stop_asked = stage, {"step": next(iter(steps.steps(stage))), "ask": 0, "page": 1}, None, False
    move.save()
    emit(actor, "move.trial_started" if stage == Stage.TRYING else "move.started", entity="move", record_id=move.pk, after={"name": move.host}, also=["workspace:1"])
    jobs.later(running.RUN, move.pk, key=f"{running.RUN}:{move.pk}")
    return move


def stop(actor: Actor, pk: int) -> Move:
    """Stand still after the page at work; what is in stays."""
    move = _to_change(actor, pk, Stage.LOOKING, Stage.TRYING, Stage.MOVING)
    if move.stage == Stage.LOOKING or move.trouble:
        running.pause(move, move.trouble)
    else:
        move.stop_asked = True
        move.save(update_fields=["stop_asked"])
    return move


def go_on(actor: Actor, pk: int, *, token: str = "") -> Move:
    """From where it stood, with another token if one is given. Raises OneAtWork, Invalid where no token is left."""
    move = _to_change(actor, pk, Stage.PAUSED)
    if Move.objects.filter(stage__in=AT_WORK).exists():
        raise OneAtWork
    if token.strip():
        move.token = secrets_box.encrypt(_token(token))
    elif not move.token:
        raise Invalid(fields={"token": [_("The token was dropped. Paste one again.")]})
    move.stage, move.resumes, move.trouble, move.tries, move.started_by_id = move.resumes or Stage.LOOKING, "", "", 0, actor.user_id
    move.save()
    name = running.LOOK if move.stage == Stage.LOOKING else undoing.UNDO if move.stage == Stage.UNDOING else running.RUN
    jobs.later(name, pk, key=f"{name}:{pk}")
    return move


def again(actor: Actor, pk: int, *, token: str) -> Move:
    """Once more from the beginning, for what came into being over there since, or had no room: what is here is not doubled."""
    move = _to_change(actor, pk, Stage.DONE, Stage.UNDONE)
    if Move.objects.filter(stage__in=AT_WORK).exists():
        raise OneAtWork
    move.token, move.stage, move.trouble, move.tries, move.started_by_id, move.totals = secrets_box.encrypt(_token(token)), Stage.LOOKING, "", 0, actor.user_id, {}
    move.save()
    jobs.later(running.LOOK, pk, key=f"{running.LOOK}:{pk}")
    return move


def may_undo(move: Move) -> bool:
    """After the trial, after the move, or where it stands still; for 30 days."""
    return move.stage in (Stage.TRIED, Stage.DONE, Stage.PAUSED) and move.resumes != Stage.LOOKING and clock.now() - (move.finished_at or move.created_at) < UNDO_FOR


def undo(actor: Actor, pk: int) -> Move:
    """Put everything that it brought into the bin, in the background."""
    move = _to_change(actor, pk, Stage.TRIED, Stage.DONE, Stage.PAUSED)
    if not may_undo(move):
        raise NotNow
    move.stage, move.resumes, move.trouble = Stage.UNDOING, "", ""
    move.save(update_fields=["stage", "resumes", "trouble"])
    emit(actor, "move.undo_asked", entity="move", record_id=pk, after={"name": move.host}, also=["workspace:1"])
    jobs.later(undoing.UNDO, pk, key=f"{undoing.UNDO}:{pk}")
    return move


def drop_token(actor: Actor, pk: int) -> Move:
    """Forget the token at once; another is asked for when the move is to go on."""
    move = get(actor, pk, lock=True)
    _require(actor)
    if move.stage in AT_WORK:
        raise NotNow
    move.token = ""
    move.save(update_fields=["token"])
    return move
