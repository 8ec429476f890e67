"""From events to deliveries: a follower of the relay, and the replay. Bodies are drawn here, once, so that every attempt sends the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from crm_platform.db import sides
from crm_platform.events.models import Event
from crm_platform.jobs import rows
from crm_platform.jobs.models import Job, JobState
from crm_platform.kernel import clock, ids, jobs, versions, workspace
from crm_platform.kernel.jobs import Again, Lease

from . import bodies, catalogue, queries
from .bodies import Format, Heard
from .models import Cause, Hook, HookDelivery, State

# Letters of a body, after which the next event begins another POST.
LARGEST = 200_000
# Events of a replay that are drawn in one unit.
AT_ONCE = 100
TIDY_EVERY = timedelta(hours=6)
JOB, REPLAY = "outbound.send", "outbound.replay"


@dataclass(slots=True)
class _Parcel:
    """What shares a POST."""

    events: list[Event] = field(default_factory=list)
    pieces: list[Any] = field(default_factory=list)
    settings: list[str] = field(default_factory=list)
    records: list[str] = field(default_factory=list)
    size: int = 0


def alone() -> None:
    """Hold the first subscription until the end of the unit: batches come one after the other, so deliveries are numbered as events are."""
    Hook.objects.select_for_update(no_key=True).order_by("id").values_list("pk", flat=True).first()


def take(events: Sequence[Event]) -> None:
    """Leave for each subscription what it asked for, in the order of the events."""
    gather(queries.live(), events, cause=Cause.EVENT)


def gather(hooks: Iterable[Hook], events: Sequence[Event], *, cause: Cause) -> int:
    """Write the deliveries of some events; returns how many."""
    by_format: dict[str, list[Hook]] = {}
    for hook in hooks:
        by_format.setdefault(hook.format, []).append(hook)
    made: list[HookDelivery] = []
    for code, those in by_format.items():
        made += _of_format(bodies.find(code), those, events, cause=cause)
    HookDelivery.objects.bulk_create(made)
    for pk in dict.fromkeys(row.hook_id for row in made):
        wake(pk)
    if made:
        tidy_later()
    return len(made)


def _of_format(form: Format, hooks: Sequence[Hook], events: Sequence[Event], *, cause: Cause) -> Iterator[HookDelivery]:
    asked = {name for hook in hooks for name in hook.settings}
    heard = [Heard(event, name) for event in events for name in catalogue.settings_for(event, asked)]
    drawn = list(zip(heard, form.draw(heard), strict=True)) if heard else []
    stuck = _stuck(hooks) if drawn and form.gathers > 1 else {}
    for hook in hooks:
        mine = [(one, piece) for one, piece in drawn if one.setting in hook.settings and piece is not None]
        for parcel in _parcels(form, mine, stuck=stuck.get(hook.pk, set())):
            yield _delivery(hook, form, parcel, cause=cause)


def _stuck(hooks: Sequence[Hook]) -> dict[int, set[str]]:
    """The records of each that wait because they were refused: what follows of them waits too, so it shares no POST with others."""
    found: dict[int, set[str]] = {}
    for pk, records in HookDelivery.objects.filter(hook__in=hooks, state=State.WAITING, attempts__gt=0).order_by("hook_id", "id").values_list("hook_id", "records")[:1000]:
        found.setdefault(pk, set()).update(records)
    return found


def _parcels(form: Format, drawn: Iterable[tuple[Heard, Any]], *, stuck: Set[str]) -> Iterator[_Parcel]:
    """Several events in one POST, but no record twice: within a body nothing says what came first."""
    parcel = _Parcel()
    for event, names, pieces in _by_event(drawn):
        records, size = catalogue.records_of(event, names), sum(len(str(piece)) for piece in pieces)
        if not stuck.isdisjoint(records):
            yield _Parcel([event], pieces, names, records)
            continue
        full = len(parcel.events) >= form.gathers or parcel.size + size > LARGEST or not set(parcel.records).isdisjoint(records)
        if parcel.events and full:
            yield parcel
            parcel = _Parcel()
        parcel.events.append(event)
        parcel.pieces += pieces
        parcel.settings += names
        parcel.records += records
        parcel.size += size
    if parcel.events:
        yield parcel


def _by_event(drawn: Iterable[tuple[Heard, Any]]) -> Iterator[tuple[Event, list[str], list[Any]]]:
    found: dict[int, tuple[Event, list[str], list[Any]]] = {}
    for heard, piece in drawn:
        _event, names, pieces = found.setdefault(heard.event.pk, (heard.event, [], []))
        names.append(heard.setting)
        pieces.append(piece)
    yield from found.values()


def _delivery(hook: Hook, form: Format, parcel: _Parcel, *, cause: Cause) -> HookDelivery:
    first = parcel.events[0]
    # One event has a name that a replay repeats, so that the receiver knows it; several have one of their own.
    uid = f"evt_{workspace.here().prefix}_{first.pk}".replace(".", "_") if form.gathers == 1 else fresh_uid()
    return HookDelivery(
        hook=hook, uid=uid, cause=cause, settings=list(dict.fromkeys(parcel.settings)), records=list(dict.fromkeys(parcel.records)), events=len(parcel.events),
        body=form.write(parcel.pieces), event_at=first.at,
    )  # fmt: skip


def fresh_uid() -> str:
    """An id of a delivery of its own."""
    return f"msg_{ids.random_id(20)}"


def wake(pk: int, *, at: datetime | None = None) -> None:
    """Have a subscription's sender look at its deliveries, at a moment or now; one waits at most."""
    moment, key = at or clock.real_now(), f"{JOB}:{pk}"
    Job.objects.filter(key=key, state=JobState.WAITING, at__gt=moment).update(at=moment)
    rows.one_waiting(JOB, pk, key=key, at=moment)


def tidy_later() -> None:
    """Have old deliveries forgotten in some hours."""
    rows.one_waiting("outbound.tidy", 0, key="outbound.tidy", at=clock.real_now() + TIDY_EVERY)


@jobs.register(REPLAY, kind=jobs.Kind.LONG)
def replay(pk: int, *, lease: Lease) -> Again | None:
    """Tell a subscription its events again, from where it stands; each slice and its place are written together."""
    while True:
        with sides.unit(workspace.here()):
            lease.beat()
            hook = Hook.objects.select_for_update(no_key=True).filter(pk=pk).exclude(replay_to=None).first()
            if hook is None or _replay_some(hook):
                return None
        if lease.should_yield():
            return Again()


def _replay_some(hook: Hook) -> bool:
    """The next events; True where none is left."""
    names = catalogue.events_of(hook.settings)
    events = list(Event.objects.filter(pk__gt=hook.replay_after, pk__lte=hook.replay_to, name__in=names).order_by("id")[:AT_ONCE])
    gather([hook], events, cause=Cause.REPLAY)
    done = len(events) < AT_ONCE
    values = {"replay_after": None, "replay_to": None} if done else {"replay_after": events[-1].pk}
    quietly(hook.pk, **values)
    return done


def quietly(pk: int, **values: Any) -> None:
    """Write what nobody keeps of a subscription: how its sending stands."""
    with versions.quiet():
        Hook.objects.filter(pk=pk).update(**values)
