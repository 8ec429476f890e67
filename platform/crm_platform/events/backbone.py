"""Announcing and hearing events.

A service calls `emit` beside its change, in the same transaction. Handlers run after the commit, by the relay, each in a
unit of its own, at least once: they must be idempotent. A follower takes many at once, in their order; see `Follower`.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from crm_platform.db.copying import MANY, copy_values
from crm_platform.kernel import clock, context, workspace
from crm_platform.kernel.permissions import Actor

from .models import Event, InboxMessage

_log = logging.getLogger("kartoteka.events")
Handler = Callable[[Event], None]
_handlers: dict[str, list[Handler]] = {}
_NONE: frozenset[str] = frozenset()
# Called with nothing when a unit wrote events that somebody waits for (the jobs application wakes the server).
_wake: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Follower:
    """Who takes a workspace's events in batches, oldest first, at least once.

    `wants` names those that somebody here waits for: no other event waits for the relay, so that it may be asked often.
    `alone` holds a lock of the follower's until the end of the unit: no second batch overtakes the first. `take` writes
    what follows from them, in the same unit as the mark that they were taken.
    """

    wants: Callable[[], frozenset[str]]
    alone: Callable[[], None]
    take: Callable[[Sequence[Event]], None]


_followers: list[Follower] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What `emit_all` writes: see Event. `also` names further subjects."""

    name: str
    entity: str
    record_id: int | None
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    also: Iterable[str] = ()


def on(*names: str) -> Callable[[Handler], Handler]:
    """Hear events of these names after the commit."""

    def keep(handler: Handler) -> Handler:
        for name in names:
            heard = _handlers.setdefault(name, [])
            if handler not in heard:
                heard.append(handler)
        return handler

    return keep


def follow(follower: Follower) -> None:
    """Take events in batches after the commit, inside workspaces."""
    if follower not in _followers:
        _followers.append(follower)


def _wanted() -> frozenset[str]:
    """What the followers wait for in this workspace; nothing on the control side."""
    if workspace.current() is None or not _followers:
        return _NONE
    return _NONE.union(*(follower.wants() for follower in _followers))


def answer_wake(wake: Callable[[], None]) -> None:
    """Name who serves the relay after a commit."""
    global _wake
    _wake = wake


def emit(
    actor: Actor, name: str, *, entity: str, record_id: int | None,
    before: Mapping[str, Any] | None = None, after: Mapping[str, Any] | None = None, also: Iterable[str] = (),
) -> Event:  # fmt: skip
    """Write one event; see Change."""
    change = Change(name=name, entity=entity, record_id=record_id, before=before or {}, after=after or {}, also=also)
    event = Event(**dict(zip(_COLUMNS, _row(actor, change, at=clock.now(), request=context.request_id(), wanted=_wanted()), strict=True)))
    event.save(force_insert=True)
    if event.pending and _wake is not None:
        _wake()
    return event


def emit_all(actor: Actor, changes: Iterable[Change]) -> None:
    """Write many events at once."""
    now, request, wanted = clock.now(), context.request_id(), _wanted()
    rows = [_row(actor, change, at=now, request=request, wanted=wanted) for change in changes]
    if len(rows) > MANY:
        copy_values(Event, _COLUMNS, rows)
    else:
        Event.objects.bulk_create([Event(**dict(zip(_COLUMNS, row, strict=True))) for row in rows])
    if _wake is not None and any(row[-1] for row in rows):
        _wake()


_COLUMNS = ("name", "entity", "record_id", "subjects", "before", "after", "actor_kind", "actor_id", "actor_name", "via", "request", "at", "pending")


def _row(actor: Actor, change: Change, *, at: Any, request: str, wanted: frozenset[str]) -> tuple[Any, ...]:
    own = [] if change.record_id is None else [f"{change.entity}:{change.record_id}"]
    return (
        change.name,
        change.entity,
        change.record_id,
        list(dict.fromkeys([*own, *change.also])),
        dict(change.before),
        dict(change.after),
        actor.kind,
        actor.user_id,
        actor.name[:200],
        actor.via,
        request[:64],
        at,
        not actor.quiet and (change.name in _handlers or change.name in wanted),
    )


def relay(open_unit: Callable[[], Any], *, most: int = 200) -> int:
    """Hand pending events on, oldest first; returns how many.

    Those with handlers each in a unit of its own, what lies between them in batches to the followers. A failing handler is
    logged and its event stays pending for the next round: nothing else waits for it.
    """
    with open_unit():
        waiting = list(Event.objects.filter(pending=True).order_by("id").values_list("pk", "name")[:most])
    told = 0
    for has_handlers, found in itertools.groupby(waiting, key=lambda row: row[1] in _handlers):
        pks = [pk for pk, _name in found]
        told += sum(_relay_one(pk, open_unit) for pk in pks) if has_handlers else _relay_batch(pks, open_unit)
    return told


def _relay_batch(pks: Sequence[int], open_unit: Callable[[], Any]) -> int:
    """Hand events without handlers to the followers in one unit; one by one where that fails, so that the others are not kept by it."""
    try:
        with open_unit():
            return _hand_over(pks)
    except Exception:  # broad: the one event that cannot be taken is found, and logged, below
        return sum(_relay_one(pk, open_unit) for pk in pks)


def _hand_over(pks: Sequence[int]) -> int:
    _stand_alone()
    events = list(Event.objects.select_for_update(skip_locked=True).filter(pk__in=pks, pending=True).order_by("id"))
    _tell_followers(events)
    Event.objects.filter(pk__in=[event.pk for event in events]).update(pending=False)
    return len(events)


def _stand_alone() -> None:
    if workspace.current() is not None:
        for follower in _followers:
            follower.alone()


def _tell_followers(events: Sequence[Event]) -> None:
    if workspace.current() is None:
        return
    for follower in _followers:
        names = follower.wants()
        wanted = [event for event in events if event.name in names]
        if wanted:
            follower.take(wanted)


def _relay_one(pk: int, open_unit: Callable[[], Any]) -> bool:
    try:
        with open_unit():
            _stand_alone()
            event = Event.objects.select_for_update(skip_locked=True).filter(pk=pk, pending=True).first()
            if event is None:
                return False
            for handler in _handlers.get(event.name, ()):
                handler(event)
            _tell_followers([event])
            Event.objects.filter(pk=pk).update(pending=False)
    except Exception:  # broad: one handler's mistake must not stop the others' events
        place = workspace.current()
        _log.exception("a handler failed", extra={"event": pk, "workspace": place.public_id if place else "control"})
        return False
    return True


def take_in(operation: str, *, kind: str, body: Mapping[str, Any]) -> bool:
    """Note a message of the other side once; False where it had been taken in before."""
    _message, made = InboxMessage.objects.get_or_create(operation=operation, defaults={"kind": kind, "body": dict(body)})
    return made
