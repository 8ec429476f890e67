"""Verbs of tasks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm_core.groundwork.records import registry, writing
from crm_platform.accounts import directory
from crm_platform.db.prepared import Prepared
from crm_platform.events.backbone import Change, emit, emit_all
from crm_platform.kernel import clock, versions
from crm_platform.kernel.access import Act
from crm_platform.kernel.errors import Invalid, NotFound
from crm_platform.kernel.permissions import Actor, Scope, refusal, require, still

from .models import LONGEST_TEXT, Task, TaskType
from .permissions import TASKS

# Told after a change of a record's tasks, in the same transaction: deals keep their next step on themselves.
_followers: dict[str, Callable[[int, Task | None], None]] = {}

# Seconds that a task may be said to take: more is a mistake.
LONGEST = 10**7

_OPEN_ON = Prepared(Task, lambda entity, pk: Task.objects.filter(entity=entity, record_id=pk, done_at=None, binned_at=None).order_by("due_at", "id"))


def follow(entity: str, function: Callable[[int, Task | None], None]) -> None:
    """Let a slice know the earliest open task of its record after each change: `function(pk, task or None)`."""
    _followers[entity] = function


def end_of_day(day: date) -> datetime:
    """The last minute of a day in the firm's time zone: when a task without an hour falls due."""
    return timezone.make_aware(datetime.combine(day, time(23, 59)))


def add(
    actor: Actor, *, text: str, due_at: datetime, all_day: bool = False, type: str = TaskType.TODO,  # noqa: A002 (the model's word)
    responsible_id: int | None = None, entity: str = "", record_id: int | None = None, duration: int = 0,
) -> Task:  # fmt: skip
    """Promise something; `duration` is in seconds. Raises Invalid, Forbidden, NotFound (the record is not the actor's to see)."""
    require(actor, TASKS.CREATE)
    also = []
    if entity:
        kind = registry.find(entity)
        record = writing.get(actor, kind, record_id or 0)
        also = [f"{entity}:{record_id}", *kind.subjects(record)]
    responsible = responsible_id if responsible_id is not None else actor.user_id
    task = Task(
        text=_clean(text), due_at=due_at, all_day=all_day, type=_type(type), responsible_id=_person(responsible), entity=entity,
        record_id=record_id if entity else None, created_by=actor.user_id, duration=_duration(duration),
    )  # fmt: skip
    task.save()
    _tell(task)
    emit(actor, "task.added", entity="task", record_id=task.pk, after=_facts(task), also=also)
    return task


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A task that a program brings as it stood elsewhere: on which record, by whom and when it was made, and when it was done."""

    text: str
    due_at: datetime
    type: str = TaskType.TODO
    all_day: bool = False
    duration: int = 0
    responsible_id: int | None = None
    entity: str = ""
    record: Any = None
    created_at: datetime | None = None
    created_by: int | None = None
    done_at: datetime | None = None
    done_by: int | None = None
    result: str = ""


def add_said(actor: Actor, rows: Sequence[Said]) -> list[Task]:
    """Write what programs bring on records that the actor may see; all of them or none. Raises Invalid, Forbidden."""
    require(actor, TASKS.CREATE)
    now = clock.now()
    made = [
        Task(
            text=_clean(row.text), due_at=row.due_at, all_day=row.all_day, type=_type(row.type), responsible_id=_person(row.responsible_id), entity=row.entity,
            record_id=row.record.pk if row.entity else None, created_at=row.created_at or now, created_by=row.created_by, updated_at=row.done_at or row.created_at or now,
            done_at=row.done_at, done_by=row.done_by, result=row.result.strip()[:5000], duration=_duration(row.duration),
        )
        for row in rows
    ]  # fmt: skip
    Task.objects.bulk_create(made)
    for task in {(task.entity, task.record_id): task for task in made if task.done_at is None}.values():
        _tell(task)
    emit_all(actor, [
        Change(
            name="task.added", entity="task", record_id=task.pk, after=_facts(task),
            also=(*_subjects(task), *(registry.find(row.entity).subjects(row.record) if row.entity else ())),
        )
        for task, row in zip(made, rows, strict=True)
    ])  # fmt: skip
    return made


def _clean(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()  # programs and browsers end lines in three ways
    if not text:
        raise Invalid(fields={"text": [_("Say what is to be done.")]})
    if len(text) > LONGEST_TEXT:
        raise Invalid(fields={"text": [str(_("At most {most} letters; this has {count}.")).format(most=LONGEST_TEXT, count=len(text))]})
    return text


def _type(code: str) -> str:
    if code not in TaskType.values:
        raise Invalid(fields={"type": [_("Choose what kind of task it is.")]})
    return code


def _person(pk: int | None) -> int | None:
    if pk is not None and (pk not in directory.everyone() or directory.gone(directory.everyone()[pk])):
        raise Invalid(fields={"responsible": [_("Choose someone who works here.")]})
    return pk


def _duration(seconds: int) -> int:
    if not 0 <= seconds <= LONGEST:
        raise Invalid(fields={"duration": [str(_("A task takes at most {days} days.")).format(days=LONGEST // 86400)]})
    return seconds


def _facts(task: Task) -> dict[str, Any]:
    return {"text": task.text, "due_at": task.due_at, "type": task.type, "responsible_id": task.responsible_id, "all_day": task.all_day, "duration": task.duration}


def _subjects(task: Task) -> list[str]:
    return [f"{task.entity}:{task.record_id}"] if task.entity else []


def may(actor: Actor, task: Task, *, right: str = "edit") -> bool:
    """Whether the actor may do this to a task that they see: whoever promised something for others may change it too."""
    own = task.created_by is not None and task.created_by == actor.user_id
    return (own and actor.may_write) or writing.may(actor, TASKS.right(right), task)


def may_finish(actor: Actor, task: Task) -> bool:
    """Whether the actor may tick it off: whoever may change it, also while nothing else is changed because a bill is open."""
    return may(still(actor, Act.TASKS_DONE), task)


def get(actor: Actor, pk: int, *, right: str = "edit") -> Task:
    """A task the right reaches, locked; raises NotFound, Forbidden."""
    task = Task.objects.select_for_update().filter(pk=pk, binned_at=None).first()
    if task is None or not sees(actor, task):
        raise NotFound
    if right != "view" and not may(actor, task, right=right):
        raise refusal(actor, TASKS.right(right).key)
    return task


def sees(actor: Actor, task: Task) -> bool:
    """One's own promises, those one gave, and what the right reaches."""
    return task.created_by == actor.user_id or writing.may(actor, TASKS.VIEW, task)


def reach(actor: Actor) -> Q:
    """The condition of `sees`."""
    scope = actor.scope_for(TASKS.VIEW)
    if scope == Scope.ALL:
        return Q()
    if scope == Scope.NONE:
        return Q(created_by=actor.user_id)
    mine = Q(responsible=actor.user_id) | Q(created_by=actor.user_id)
    return mine | Q(responsible__in=directory.in_group(actor.group_id)) if scope == Scope.TEAM else mine


def told_to(actor: Actor) -> Q | None:
    """Which events about tasks the actor may read of: those of tasks that `reach` reaches now, and those of none in particular. None: all."""
    if actor.scope_for(TASKS.VIEW) == Scope.ALL:
        return None
    return Q(record_id=None) | Q(Exists(Task.objects.filter(reach(actor), pk=OuterRef("record_id"))))


def change(actor: Actor, pk: int, **values: Any) -> Task:
    """Change text, due time, duration, type or responsible; `result` of one that is done."""
    task = get(actor, pk)
    if "result" in values:
        values["result"] = values["result"].strip()[:5000]
    before = {**_facts(task), "result": task.result}
    if "text" in values:
        values["text"] = _clean(values["text"])
    if values.get("responsible_id", task.responsible_id) != task.responsible_id:
        _person(values["responsible_id"])
    if "type" in values:
        _type(values["type"])
    if "duration" in values:
        _duration(values["duration"])
    for name, value in values.items():
        setattr(task, name, value)
    after = {**_facts(task), "result": task.result}
    changed = {name for name, value in after.items() if before[name] != value}
    if changed:
        _save(task)
        emit(actor, "task.changed", entity="task", record_id=pk, before={name: before[name] for name in changed}, after={name: after[name] for name in changed}, also=_subjects(task))
    return task


def put_on(actor: Actor, pk: int, *, entity: str, record_id: int) -> Task:
    """Let a task stand on another record; both tell of it. Raises NotFound (task or record is not the actor's to see), Forbidden."""
    task = get(actor, pk)
    if (task.entity, task.record_id) == (entity, record_id):
        return task
    kind = registry.find(entity)
    record = writing.get(actor, kind, record_id)
    left, before = (task.entity, task.record_id), _subjects(task)
    task.entity, task.record_id = entity, record_id
    _save(task)
    _tell_record(*left)
    also = [*before, *_subjects(task), *kind.subjects(record)]
    emit(actor, "task.changed", entity="task", record_id=pk, before={"on": "".join(before)}, after={"on": f"{entity}:{record_id}"}, also=list(dict.fromkeys(also)))
    return task


def move(actor: Actor, pk: int, *, days: int) -> Task:
    """To another day, counted from today; the hour stays."""
    task = get(actor, pk)
    day = timezone.localdate(clock.now()) + timedelta(days=days)
    hour = timezone.localtime(task.due_at).timetz()
    due = end_of_day(day) if task.all_day else timezone.make_aware(datetime.combine(day, hour.replace(tzinfo=None)))
    return change(actor, pk, due_at=due)


def complete(actor: Actor, pk: int, *, result: str = "") -> Task:
    """It is done, with what came of it; also where an open bill leaves little else. Twice is once."""
    task = get(still(actor, Act.TASKS_DONE), pk)
    if task.done_at is None:
        task.done_at, task.done_by, task.result = clock.now(), actor.user_id, result.strip()[:5000]
        _save(task)
        emit(actor, "task.done", entity="task", record_id=pk, after={"text": task.text, "result": task.result}, also=_subjects(task))
    return task


def reopen(actor: Actor, pk: int) -> Task:
    """Take "done" back."""
    task = get(actor, pk)
    if task.done_at is not None:
        task.done_at = task.done_by = None
        _save(task)
        emit(actor, "task.reopened", entity="task", record_id=pk, after={"text": task.text}, also=_subjects(task))
    return task


def remove(actor: Actor, pk: int) -> Task:
    """To the bin."""
    task = get(actor, pk, right="delete")
    task.binned_at, task.binned_by = clock.now(), actor.user_id
    _save(task)
    emit(actor, "task.binned", entity="task", record_id=pk, before={"text": task.text}, also=_subjects(task))
    return task


def restore(actor: Actor, pk: int) -> Task:
    """Out of the bin."""
    task = Task.objects.select_for_update().filter(pk=pk).exclude(binned_at=None).first()
    if task is None or not sees(actor, task):
        raise NotFound
    task.binned_at = task.binned_by = None
    _save(task)
    emit(actor, "task.restored", entity="task", record_id=pk, after={"text": task.text}, also=_subjects(task))
    return task


def _save(task: Task) -> None:
    task.version += 1
    task.updated_at = clock.now()
    task.save()
    _tell(task)


def _tell(task: Task) -> None:
    _tell_record(task.entity, task.record_id)


def _tell_record(entity: str, record_id: int | None) -> None:
    follower = _followers.get(entity)
    if follower is not None and record_id is not None:
        follower(record_id, earliest_open(entity, record_id))


def earliest_open(entity: str, record_id: int) -> Task | None:
    """The next step of a record."""
    return Task.objects.filter(entity=entity, record_id=record_id, done_at=None, binned_at=None).order_by("due_at", "id").first()


def open_on(entity: str, record_id: int) -> list[Task]:
    """The open tasks of a record, soonest first."""
    return _OPEN_ON.rows(entity=entity, pk=record_id)


def overdue(actor: Actor) -> int:
    """How many of the actor's own promises are late, to the minute."""
    minute = clock.now().replace(second=0, microsecond=0)

    def count() -> int:
        return Task.objects.filter(responsible=actor.user_id, done_at=None, binned_at=None, due_at__lt=minute).count()

    return versions.remembered(("task",), f"late.{actor.user_id}.{minute:%d%H%M}", count)


def open_count(user_id: int) -> int:
    """For handing over: what a person still has to do."""
    return Task.objects.filter(responsible=user_id, done_at=None, binned_at=None).count()


def hand_over(actor: Actor, from_id: int, to_id: int) -> int:
    """All open tasks of one person to another, in a constant number of statements."""
    moved = list(Task.objects.filter(responsible=from_id, done_at=None, binned_at=None).values_list("pk", flat=True))
    Task.objects.filter(pk__in=moved).update(responsible=to_id, updated_at=clock.now())
    if moved:
        emit(actor, "task.handed_over", entity="task", record_id=None, before={"responsible_id": from_id}, after={"responsible_id": to_id, "tasks": moved}, also=[f"person:{from_id}", f"person:{to_id}"])
    return len(moved)
