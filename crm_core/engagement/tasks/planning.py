"""The parts of a day: what is late, what is for today, what comes later. One long part never hides another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import QuerySet

from crm_platform.db.prepared import Prepared
from crm_platform.kernel import versions
from crm_platform.kernel.permissions import Actor

from . import services
from .models import Task

# What a page shows of each part before "Show all"; today is what one came for.
SHOWN, ALL = {"late": 30, "today": 40, "later": 20}, 1000
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


def _open(rows: QuerySet[Task], since: datetime, until: datetime) -> QuerySet[Task]:
    return rows.filter(binned_at=None, done_at=None, due_at__gte=since, due_at__lt=until).order_by("due_at", "id")


def _done(rows: QuerySet[Task], since: datetime) -> QuerySet[Task]:
    return rows.filter(binned_at=None, done_at__gt=since).order_by("-done_at")[:20]


def _mine(me: int) -> QuerySet[Task]:
    return Task.objects.filter(responsible=me)


_MY_PARTS = {name: Prepared(Task, lambda me, since, until, most=most: _open(_mine(me), since, until)[:most]) for name, most in SHOWN.items()}
_MY_DONE = Prepared(Task, lambda me, since: _done(Task.objects.filter(responsible=me), since))


def done_since(actor: Actor, since: datetime, *, team: bool) -> Sequence[Task]:
    """What was done since then, the latest first: the actor's, or the team's as far as one may see."""
    return list(_done(_seen(actor), since)) if team else _MY_DONE.rows(me=actor.user_id, since=since)


def parts(actor: Actor, *, now: datetime, tonight: datetime, team: bool, everything: bool = False) -> dict[str, Part]:
    """The parts "late", "today" and "later", in one statement each; a part that is cut short is counted, which is remembered until a task changes."""
    bounds = {"late": (_EVER, now), "today": (now, tonight), "later": (tonight, _NEVER)}
    return {name: _part(actor, name, since, until, team=team, everything=everything) for name, (since, until) in bounds.items()}


def _part(actor: Actor, name: str, since: datetime, until: datetime, *, team: bool, everything: bool) -> Part:
    if team or everything:
        most = ALL if everything else SHOWN[name]
        rows = _open(_seen(actor) if team else _mine(actor.user_id or 0), since, until)
        tasks = list(rows[:most])
        return Part(tasks, len(tasks) if len(tasks) < most else rows.count())
    tasks = _MY_PARTS[name].rows(me=actor.user_id, since=since, until=until)
    if len(tasks) < SHOWN[name]:
        return Part(tasks, len(tasks))
    minute = since.replace(second=0, microsecond=0), until.replace(second=0, microsecond=0)
    key = f"part.{name}.{actor.user_id}.{minute[0]:%Y%m%d%H%M}.{minute[1]:%Y%m%d%H%M}"
    count = versions.remembered(("task",), key, lambda: _open(_mine(actor.user_id or 0), since, until).order_by().count())
    return Part(tasks, max(count, len(tasks)))


def _seen(actor: Actor) -> QuerySet[Task]:
    return Task.objects.filter(services.reach(actor))
