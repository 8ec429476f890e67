"""Announcing and hearing events.

A service calls `emit` beside its change, in the same transaction. Handlers run after the commit, by the relay, each in a
unit of its own, at least once: they must be idempotent.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from crm_platform.db.copying import MANY, copy_values
from crm_platform.kernel import clock, context, workspace
from crm_platform.kernel.permissions import Actor

from .models import Event, InboxMessage

_log = logging.getLogger("kartoteka.events")
Handler = Callable[[Event], None]
_handlers: dict[str, list[Handler]] = {}
# Called with nothing when a unit wrote events that somebody waits for (the jobs application wakes the server).
_wake: Callable[[], None] | None = None


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
    event = Event(**dict(zip(_COLUMNS, _row(actor, change, at=clock.now(), request=context.request_id()), strict=True)))
    event.save(force_insert=True)
    if event.pending and _wake is not None:
        _wake()
    return event


def emit_all(actor: Actor, changes: Iterable[Change]) -> None:
    """Write many events at once."""
    now, request = clock.now(), context.request_id()
    rows = [_row(actor, change, at=now, request=request) for change in changes]
    if len(rows) > MANY:
        copy_values(Event, _COLUMNS, rows)
    else:
        Event.objects.bulk_create([Event(**dict(zip(_COLUMNS, row, strict=True))) for row in rows])
    if _wake is not None and any(row[-1] for row in rows):
        _wake()


_COLUMNS = ("name", "entity", "record_id", "subjects", "before", "after", "actor_kind", "actor_id", "actor_name", "via", "request", "at", "pending")


def _row(actor: Actor, change: Change, *, at: Any, request: str) -> tuple[Any, ...]:
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
        change.name in _handlers,
    )


def relay(open_unit: Callable[[], Any], *, most: int = 200) -> int:
    """Hand pending events to their handlers, oldest first, each in a unit of its own; returns how many.

    A failing handler is logged and its event stays pending for the next round: nothing else waits for it.
    """
    with open_unit():
        waiting = list(Event.objects.filter(pending=True).order_by("id").values_list("pk", flat=True)[:most])
    return sum(_relay_one(pk, open_unit) for pk in waiting)


def _relay_one(pk: int, open_unit: Callable[[], Any]) -> bool:
    try:
        with open_unit():
            event = Event.objects.select_for_update(skip_locked=True).filter(pk=pk, pending=True).first()
            if event is None:
                return False
            for handler in _handlers.get(event.name, ()):
                handler(event)
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
