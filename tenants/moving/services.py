"""The steps of a move. Each is found again after a kill: what it left is either not there or finished."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import psycopg
from django.conf import settings
from django.db import DatabaseError, InterfaceError
from psycopg import Connection, sql

from crm_platform.db.sides import control_unit
from crm_platform.kernel import clock
from crm_platform.kernel.errors import CrmError
from crm_platform.kernel.points import reached
from tenants import routing
from tenants.carrying import changes, fencing, spares, stopping, tables, turns
from tenants.carrying.changes import End
from tenants.carrying.tables import Table
from tenants.lifecycle import states
from tenants.models import Move, State, Step, Use, Workspace
from tenants.provisioning import owner, template
from tenants.rounds import Rounds

_log = logging.getLogger("kartoteka.keeper")
Say = Callable[[str], None]
# What changed during the copy is carried after it while the workspace serves, until so little is left for the read-only moment.
FEW, ROUNDS = 2000, 4
MOST_ATTEMPTS = 20
# Seconds that writers are let wait; where the last carrying takes longer, it is given up and begun again, with less to carry.
MOST_STILL = 3.5
_resuming = Rounds("go on with moves", most=3)


class Unknown(CrmError):
    """No database has this name."""

    code, status = "unknown_database", 422
    sentence = "There is no database {alias}; there are: {known}."


class Here(CrmError):
    """It lives there already."""

    code, status = "lives_there", 409
    sentence = "The workspace {slug} lives in {alias} already."


class UnderWay(CrmError):
    """A move of it is not finished."""

    code, status = "move_under_way", 409
    sentence = "The workspace {slug} is on its way from {there} to {alias} already (step: {step}). One move at a time."


class Behind(CrmError):
    """Its schema is not of this release."""

    code, status = "roll_out_first", 409
    sentence = "The workspace {slug} is not of this release yet. Roll out first: bin/crm rollout start."


class Elsewhere(CrmError):
    """It has got another place meanwhile, by another act."""

    code, status = "moved_meanwhile", 409
    sentence = "The workspace {slug} was put elsewhere while this move stood still (put back to an earlier day, woken). It is given up; begin it anew."


class NoWayBack(CrmError):
    """It has not moved, or the place it left is gone."""

    code, status = "no_way_back", 409
    sentence = "The workspace {slug} has no earlier place to go back to."


class NotEqual(CrmError):
    """What was carried is not what was there; the workspace stays where it is."""

    code, status = "not_equal", 500
    sentence = "The copy is not equal to the original in: {tables}. The workspace stays where it was."


class _TooLong(Exception):
    """The read-only moment is over before the work in it."""


def begin(workspace: Workspace, *, to: str) -> Move:
    """Note a move; `proceed` does it. Raises Unknown, Here, UnderWay, Behind, NotServed."""
    if to not in settings.CELLS:
        raise Unknown(alias=to, known=", ".join(settings.CELLS))
    with control_unit():
        row = Workspace.objects.select_for_update().get(pk=workspace.pk)
        if row.state != State.ACTIVE:
            raise spares.NotServed(slug=row.slug, state=row.state)
        present = Move.objects.filter(workspace=row, finished_at=None).first()
        if present is not None:
            raise UnderWay(slug=row.slug, there=present.from_alias, alias=present.to_alias, step=present.step)
        if row.alias == to:
            raise Here(slug=row.slug, alias=to)
        if row.template_version != template.fingerprint():
            raise Behind(slug=row.slug)
        return Move.objects.create(workspace=row, from_alias=row.alias, from_schema=row.schema_name, to_alias=to)


def begin_back(workspace: Workspace) -> Move:
    """The same in the other direction, with what was written since; within the grace in which the old place is kept. Raises NoWayBack too."""
    return begin(workspace, to=came_from(workspace))


def came_from(workspace: Workspace) -> str:
    """The database it left last, where that place is kept still. Raises NoWayBack. Opens a control unit."""
    with control_unit():
        last = Move.objects.filter(workspace=workspace, step=Step.DONE, spare__isnull=False).order_by("-pk").first()
    if last is None:
        raise NoWayBack(slug=workspace.slug)
    return last.from_alias


def forget_old(workspace: Workspace) -> int:
    """Drop the places it has left, before their day; returns how many. Needs the owner's login."""
    with control_unit():
        rows = list(Workspace.objects.filter(state=State.SPARE, spare__owner=workspace, spare__use=Use.OLD))
    for row in rows:
        spares.drop(row)
    return len(rows)


def proceed(move: Move, *, say: Say = lambda sentence: None) -> Move:
    """Take a move to its end from wherever it stands. Raises turns.Busy, stopping.NeverStill, NotEqual, Behind, Elsewhere; it can be taken up again but after the last three."""
    with turns.turn(move.workspace_id) as mine:
        with control_unit():
            move = Move.objects.select_related("workspace", "spare").get(pk=move.pk)
        if move.finished_at is not None:
            return move
        if not mine:
            raise turns.Busy(slug=move.workspace.slug)
        try:
            _need_its_place(move)
            while move.finished_at is None:
                say(move.step)
                _STEPS[Step(move.step)](move)
        except (NotEqual, Behind, Elsewhere, spares.NotServed) as error:
            _give_up(move, error.message)
            raise
    return move


def resume_all() -> int:
    """What a killed command left, taken up by the keeper; returns how many came to their end."""
    left = Move.objects.select_related("workspace").filter(finished_at=None, next_at__lt=clock.real_now())
    return _resuming.go(left.order_by("pk"), _resumed, of=lambda move: move.workspace)


def _resumed(move: Move) -> bool:
    try:
        proceed(move)
    except turns.Busy:
        return False
    except (CrmError, DatabaseError, InterfaceError, psycopg.Error) as error:
        _log.warning("a move is put off", extra={"move": move.pk, "error": str(error)})
        _put_off(move, str(error))
        return False
    return True


def _put_off(move: Move, error: str) -> None:
    with control_unit():
        row = Move.objects.select_for_update().get(pk=move.pk)
        if row.finished_at is not None:
            return
        row.attempts, row.error = row.attempts + 1, error[:2000]
        row.next_at = clock.real_now() + timedelta(seconds=min(300, 5 * 2**row.attempts))
        row.save(update_fields=["attempts", "error", "next_at"])
    if row.attempts >= MOST_ATTEMPTS and row.step != Step.SWITCHING:
        _give_up(move, error)


def _note(move: Move, step: Step, **values: Any) -> None:
    for name, value in {"step": step, **values}.items():
        setattr(move, name, value)
    with control_unit():
        move.save(update_fields=["step", *values])
    reached(f"move.{step}")


def _give_up(move: Move, error: str) -> None:
    """The workspace has never left: what was made for it goes with the keeper's next round."""
    move.error = error[:2000]
    _note(move, Step.GIVEN_UP, error=move.error, finished_at=clock.real_now(), spare=None)


def _need_its_place(move: Move) -> None:
    """What stood still while another act gave the workspace its place would bring back what it was before. Who has the turn is alone with it."""
    row = move.workspace
    if (row.alias, row.schema_name) not in ((move.from_alias, move.from_schema), (move.to_alias, move.to_schema)):
        raise Elsewhere(slug=row.slug or row.public_id)


def _make(move: Move) -> None:
    spare = spares.make(move.workspace, cell=move.to_alias)
    reached("move.made")
    _note(move, Step.COPYING, spare=spare, to_schema=spare.schema_name)


def _copy(move: Move) -> None:
    with ExitStack() as stack:
        source, target = _ends(move, stack)
        found = _same_tables(move, source, target)
        with tables.snapshot(source.connection):
            oldest = tables.oldest(source.connection, source.schema)
            _need_same_migrations(move, source, target)
            numbers = tables.counters(source.connection, source.schema, found)
            with target.connection.transaction():
                rows = changes.copy_all(source, target, found)
                tables.count_on(target.connection, target.schema, found, numbers)
                reached("move.rows")
            wrong = _unequal(source, target, found)
    if wrong:
        raise NotEqual(tables=", ".join(wrong))
    _note(move, Step.COPIED, oldest=oldest, rows=rows)


def _catch_up(move: Move) -> None:
    """Carry what changed meanwhile, still serving, until little is left; then the switch. One that takes too long lets the writers go on, and is tried again."""
    with ExitStack() as stack:
        source, target = _ends(move, stack)
        found = _same_tables(move, source, target)
        for longest in (MOST_STILL, MOST_STILL, None):
            _carry_after(move, source, target, found)
            try:
                _switch_over(move, source, target, found, longest=longest)
            except _TooLong:
                _log.warning("the moment took too long", extra={"move": move.pk})
                continue
            return


def _carry_after(move: Move, source: End, target: End, found: list[Table]) -> None:
    for _round in range(ROUNDS):
        with tables.snapshot(source.connection), target.connection.transaction():
            oldest = tables.oldest(source.connection, source.schema)
            _need_same_migrations(move, source, target)
            carried = changes.carry(source, target, found, since=_since(move))
        _note(move, Step.COPIED, oldest=oldest, carried_after=move.carried_after + carried)
        if carried < FEW:
            return


def _switch_over(move: Move, source: End, target: End, found: list[Table], *, longest: float | None) -> None:
    began = time.monotonic()
    with stopping.still(source.connection, source.schema, found):
        began = time.monotonic()
        _last_carrying(move, source, target, found)
        if longest is not None and time.monotonic() - began > longest:
            raise _TooLong
        _note(move, Step.SWITCHING)
        fencing.close(source.schema, connection=source.connection)
        with control_unit():
            _flip(move)
            # First the fence, then the registry: a kill in between leaves a workspace that waits for the keeper, never one that two places serve.
            source.connection.execute("COMMIT")
            reached("move.fenced")
    move.stood_still_ms = round((time.monotonic() - began) * 1000)
    reached("move.switched")
    _finish(move)


def _last_carrying(move: Move, source: End, target: End, found: list[Table]) -> None:
    if tables.tables(source.connection, source.schema) != found:
        raise Behind(slug=move.workspace.slug)
    _need_same_migrations(move, source, target)
    with target.connection.transaction():
        move.carried_after += changes.carry(source, target, found, since=_since(move))
        tables.count_on(target.connection, target.schema, found, tables.counters(source.connection, source.schema, found))
        wrong = changes.differing(source, target, found, since=_since(move))
        if wrong:
            raise NotEqual(tables=", ".join(wrong))
    reached("move.carried")


def _switch(move: Move) -> None:
    """Taken up after a kill within the switch: the fence says whether all rows are over there."""
    with owner.seated(move.from_alias):
        fenced = fencing.closed(move.from_schema)
    if not fenced:
        _catch_up(move)
        return
    with control_unit():
        row = Workspace.objects.get(pk=move.workspace_id)
        if (row.alias, row.schema_name) == (move.from_alias, move.from_schema):
            _flip(move)
    _finish(move)


def _flip(move: Move) -> None:
    if move.spare is None:
        raise NotEqual(tables="-")
    keep_until = clock.real_now() + timedelta(days=settings.CRM_MOVE_GRACE_DAYS)
    row = spares.exchange(move.workspace, move.spare, use=Use.OLD, drop_at=keep_until)
    # The keeper tells the workspace in one of its next rounds: whoever moves it may be dead by then, and need not wait for it.
    told = {"before": {"name": move.from_alias}, "after": {"name": move.to_alias}}
    states.record(row, "moved", by=states.OPERATOR, operation=uuid.uuid4(), before=row.state, tell=told)


def _finish(move: Move) -> None:
    _note(move, Step.DONE, finished_at=clock.real_now(), stood_still_ms=move.stood_still_ms, carried_after=move.carried_after, error="")
    routing.forget(move.workspace.slug)
    _log.info("workspace moved", extra={"workspace": move.workspace.public_id, "left": move.from_alias, "reached": move.to_alias, "rows": move.rows})


def _ends(move: Move, stack: ExitStack) -> tuple[End, End]:
    source: Connection[Any] = stack.enter_context(owner.direct(move.from_alias))
    target: Connection[Any] = stack.enter_context(owner.direct(move.to_alias))
    return End(source, move.from_schema), End(target, move.to_schema)


def _since(move: Move) -> int:
    if move.oldest is None:
        raise NotEqual(tables="-")
    return move.oldest


def _same_tables(move: Move, source: End, target: End) -> list[Table]:
    found = tables.tables(source.connection, source.schema)
    if _shapes(found) != _shapes(tables.tables(target.connection, target.schema)):
        raise Behind(slug=move.workspace.slug)
    return found


def _need_same_migrations(move: Move, source: End, target: End) -> None:
    """A rollout that reached the workspace meanwhile may have made what no column shows: an index, rows. Within the source's transaction, before anything is carried."""
    asked = sql.SQL("SELECT app, name FROM {}")
    done = [set(end.connection.execute(asked.format(sql.Identifier(end.schema, "django_migrations"))).fetchall()) for end in (source, target)]
    if done[0] != done[1]:
        raise Behind(slug=move.workspace.slug)


def _shapes(found: Sequence[Table]) -> dict[str, Any]:
    """Tables, columns and types; the order of columns may differ between a schema that grew and one that was made."""
    return {table.name: (set(table.columns), table.key) for table in found}


def _unequal(source: End, target: End, found: list[Table]) -> list[str]:
    """Tables whose sums differ, asked on both sides at once."""
    with ThreadPoolExecutor(2) as both:
        ours = both.submit(tables.sums, source.connection, source.schema, found)
        theirs = both.submit(tables.sums, target.connection, target.schema, found)
        return changes.differences(ours.result(), theirs.result())


_STEPS: dict[Step, Callable[[Move], None]] = {Step.MAKING: _make, Step.COPYING: _copy, Step.COPIED: _catch_up, Step.SWITCHING: _switch}
