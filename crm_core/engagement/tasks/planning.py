"""The parts of a day: what is late, what is for today, what comes later. One long part never hides another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import QuerySet

from crm_platform.db.prepared import Prepared
from crm_platform.kernel.permissions import Actor

from . import services
from .models import Task

SHOWN, ALL = 60, 1000
_EVER, _NEVER = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Part:
    """Tasks in order of their time, and how many there are in all."""

    tasks: Sequence[Task]
    count: int

    @property
    def more(self) -> int:
        """How many are not shown."""
        return self.count - len(self.tasks)


def _open(rows: QuerySet[Task], since: datetime, until: datetime, most: int = SHOWN) -> QuerySet[Task]:
    return rows.filter(binned_at=None, done_at=None, due_at__gte=since, due_at__lt=until).order_by("due_at", "id")[:most]


def _done(rows: QuerySet[Task], since: datetime) -> QuerySet[Task]:
    return rows.filter(binned_at=None, done_at__gt=since).order_by("-done_at")[:20]


_MY_OPEN = Prepared(Task, lambda me, since, until: _open(Task.objects.filter(responsible=me), since, until))
_MY_DONE = Prepared(Task, lambda me, since: _done(Task.objects.filter(responsible=me), since))


def done_since(actor: Actor, since: datetime, *, team: bool) -> Sequence[Task]:
    """What was done since then, the latest first: the actor's, or the team's as far as one may see."""
    return list(_done(_seen(actor), since)) if team else _MY_DONE.rows(me=actor.user_id, since=since)


def parts(actor: Actor, *, now: datetime, tonight: datetime, team: bool, everything: bool = False) -> dict[str, Part]:
    """The parts "late", "today" and "later": one statement where all fits into a page, else a few for each part."""

    def ask(since: datetime, until: datetime) -> list[Task]:
        if everything or team:
            return list(_open(_seen(actor) if team else Task.objects.filter(responsible=actor.user_id), since, until, ALL if everything else SHOWN))
        return _MY_OPEN.rows(me=actor.user_id, since=since, until=until)

    bounds = {"late": (_EVER, now), "today": (now, tonight), "later": (tonight, _NEVER)}
    first = ask(_EVER, _NEVER)
    if len(first) < (ALL if everything else SHOWN):
        split = {name: [task for task in first if since <= task.due_at < until] for name, (since, until) in bounds.items()}
        return {name: Part(tasks, len(tasks)) for name, tasks in split.items()}
    return {name: _part(actor, ask, since, until, team=team) for name, (since, until) in bounds.items()}


def _part(actor: Actor, ask: Callable[[datetime, datetime], list[Task]], since: datetime, until: datetime, *, team: bool) -> Part:
    tasks = ask(since, until)
    if len(tasks) < SHOWN:
        return Part(tasks, len(tasks))
    rows = _seen(actor) if team else Task.objects.filter(responsible=actor.user_id)
    return Part(tasks, rows.filter(binned_at=None, done_at=None, due_at__gte=since, due_at__lt=until).count())


def _seen(actor: Actor) -> QuerySet[Task]:
    return Task.objects.filter(services.reach(actor))
