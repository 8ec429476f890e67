"""Tasks of the open API."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.utils import timezone

from crm_core.doors.amocrm import names
from crm_core.doors.amocrm.resources import customer_tasks
from crm_core.doors.amocrm.resources.account import TASK_TYPES, account_id
from crm_core.doors.amocrm.resources.customer_tasks import CUSTOMERS
from crm_core.doors.amocrm.wire import answers, brackets, cursors
from crm_core.doors.amocrm.wire.asking import Asked, whole, wholes
from crm_core.doors.amocrm.wire.fields import Item, items_of, period, seconds, settle
from crm_core.doors.amocrm.wire.problems import Fault, ItemsRefused
from crm_core.engagement.tasks import services
from crm_core.engagement.tasks.models import LONGEST_TEXT, Task, TaskType
from crm_platform.accounts import directory
from crm_platform.kernel.errors import NotFound

TYPE_OF = {number: code for code, number in TASK_TYPES.items()}
ORDERS = {"created_at": "created_at", "complete_till": "due_at", "id": "id", "updated_at": "updated_at"}
# Those that some clients send beside `filter`, and all.
LOOSE = ("entity_type", "entity_id", "responsible_user_id", "is_completed", "task_type")
FILTERS = ("id", *LOOSE, "task_type_id", "created_by", "created_at", "updated_at", "complete_till")
_CHOICE = "The value you selected is not a valid choice."


def index(asked: Asked) -> HttpResponse:
    """A page of the tasks that the program may see; filters stand under `filter` or, as some clients send them, beside it."""
    rows = _filtered(asked, Task.objects.filter(services.reach(asked.actor), binned_at=None))
    name, down = asked.order if asked.order and asked.order[0] in ORDERS else ("id", False)
    page, more, cursor = cursors.page_of(asked, rows, ORDERS[name], down=down)
    of_customers = customer_tasks.of_tasks(page)
    return answers.page(asked, "tasks", [draw(asked, task, of_customers) for task in page], more=more, cursor=cursor)


def _filtered(asked: Asked, rows: QuerySet[Task]) -> QuerySet[Task]:
    asked.knows(FILTERS)
    asks = {**{name: asked.query[name] for name in LOOSE if name in asked.query}, **asked.filters}
    ids = {"id": "pk", "responsible_user_id": "responsible", "created_by": "created_by"}
    for name, field in ids.items():
        if name in asks:
            rows = rows.filter(**{f"{field}__in": wholes(asks[name])})
    if "entity_type" in asks or "entity_id" in asks:
        rows = rows.filter(_on(asks))
    if "is_completed" in asks:
        rows = rows.filter(done_at__isnull=str(asks["is_completed"]).lower() in ("0", "false", ""))
    types = [*brackets.values(asks.get("task_type")), *brackets.values(asks.get("task_type_id"))]
    if types:
        rows = rows.filter(type__in=[TYPE_OF.get(whole(one), "") for one in types])
    for name, field in {"updated_at": "updated_at", "created_at": "created_at", "complete_till": "due_at"}.items():
        rows = rows.filter(period(asks.get(name), field))
    return rows


def _on(asks: Mapping[str, Any]) -> Q:
    """On records of these kinds, of these numbers; customers are no records of ours, and their tasks are found by what is kept of them."""
    kinds = brackets.values(asks["entity_type"]) if "entity_type" in asks else [*names.CODES, CUSTOMERS]
    ids = wholes(asks["entity_id"]) if "entity_id" in asks else None
    ours = Q(entity__in=[names.CODES.get(one, one) for one in kinds])
    theirs = Q(pk__in=customer_tasks.tasks_of(ids)) if CUSTOMERS in kinds else Q(pk__in=[])
    return (ours if ids is None else ours & Q(record_id__in=ids)) | theirs


def show(asked: Asked, pk: int) -> HttpResponse:
    """One task."""
    task = Task.objects.filter(services.reach(asked.actor), pk=pk, binned_at=None).first()
    if task is None:
        raise NotFound
    return answers.told(draw(asked, task, customer_tasks.of_tasks([task])))


def draw(asked: Asked, task: Task, of_customers: Mapping[int, int]) -> dict[str, Any]:
    """A task as the API tells it; `result` is a list when empty, an object when there is one."""
    customer = of_customers.get(task.pk)
    return {
        "id": task.pk, "created_by": task.created_by or 0, "updated_by": task.done_by or task.created_by or 0, "created_at": seconds(task.created_at),
        "updated_at": seconds(task.updated_at), "responsible_user_id": task.responsible_id, "group_id": directory.group_of(task.responsible_id) or 0,
        "entity_id": customer or task.record_id, "entity_type": CUSTOMERS if customer else names.PLURALS.get(task.entity), "is_completed": task.done_at is not None,
        "task_type_id": TASK_TYPES[task.type], "text": task.text, "duration": task.duration, "complete_till": seconds(task.due_at),
        "result": {"text": task.result} if task.result else [], "account_id": account_id(), "_links": answers.href(asked, f"tasks/{task.pk}"),
    }  # fmt: skip


def make(asked: Asked) -> HttpResponse:
    """Make tasks, all of them or none; text and complete_till are needed."""
    items = items_of(asked.items)
    wanted = [(_fresh(item), _customer(asked, item)) for item in items]
    settle(items)
    made = []
    for item, (values, customer) in zip(items, wanted, strict=True):
        try:
            with item.refused_here():
                task = services.add(asked.actor, **values)
        except NotFound:
            raise ItemsRefused({item.request_id: [Fault("NotSupportedChoice", "entity_id", _CHOICE)]}) from None
        if customer is not None:
            customer_tasks.keep(asked.actor, task, customer)
        if item.flag("is_completed"):
            services.complete(asked.actor, task.pk, result=_result(item))
        made.append({"id": task.pk, "request_id": item.request_id, "_links": answers.href(asked, f"tasks/{task.pk}")})
    settle(items)
    return answers.made(asked, "tasks", made)


def _fresh(item: Item) -> dict[str, Any]:
    text, due = item.text("text", most=LONGEST_TEXT), item.moment("complete_till")
    if not text:
        item.fault("text", "This value should not be blank.", code="IsBlank")
    if due is None and not item.faults:
        item.fault("complete_till", "This value should not be blank.", code="IsBlank")
    values: dict[str, Any] = {"text": text, "due_at": due, "type": _type(item) or TaskType.TODO.value, "all_day": due is not None and _ends_a_day(due), "duration": _duration(item) or 0}
    responsible = item.whole("responsible_user_id")
    if responsible:
        values["responsible_id"] = responsible
    place = _place(item)
    if place is not None and place[0] != CUSTOMERS:
        values |= {"entity": place[0], "record_id": place[1]}
    return values


def _customer(asked: Asked, item: Item) -> int | None:
    """The customer that a task is of."""
    pk = item.whole("entity_id") if item.text("entity_type") == CUSTOMERS else None
    if pk is not None and not customer_tasks.stands(asked.actor, pk):
        item.fault("entity_id", _CHOICE, code="NotSupportedChoice")
    return pk


def _ends_a_day(due: datetime) -> bool:
    """The last minute of the firm's day is how clients say "by the end of that day"."""
    local = timezone.localtime(due)
    return (local.hour, local.minute) == (23, 59)


def _type(item: Item) -> str | None:
    given = item.whole("task_type_id")
    if given is None:
        given = item.whole("task_type")
    if given is not None and given not in TYPE_OF:
        item.fault("task_type_id", _CHOICE, code="NotSupportedChoice")
    return TYPE_OF.get(given or 0)


def _duration(item: Item) -> int | None:
    """How long it takes, in seconds; None where it is not said."""
    return item.whole("duration", least=0, most=services.LONGEST)


def _result(item: Item) -> str:
    return item.beneath("result").text("text", most=5000)


def change_many(asked: Asked) -> HttpResponse:
    """Change tasks, all of them or none; each item names its id."""
    items = items_of(asked.items)
    told = []
    for item in items:
        pk = item.whole("id")
        try:
            told.append(_changed(asked, pk or 0, item))
        except NotFound:
            item.fault("id", "Entity not found.", code="EntityNotFound")
    settle(items)
    return answers.made(asked, "tasks", told)


def change(asked: Asked, pk: int) -> HttpResponse:
    """Change one task; `is_completed` with `result.text` finishes it."""
    item = Item(asked.item)
    told = _changed(asked, pk, item)
    settle([item])
    return answers.told(told)


def _changed(asked: Asked, pk: int, item: Item) -> dict[str, Any]:
    values, place = _said(item), _place(item)
    settle([item])
    with item.refused_here():
        task = services.change(asked.actor, pk, **values) if values else services.get(asked.actor, pk)
        if place is not None:
            task = _put_on(asked, item, task, place)
        task = _finished(asked, item, task)
    return {"id": pk, "updated_at": seconds(task.updated_at), "request_id": item.request_id, "_links": answers.href(asked, f"tasks/{pk}")}


def _said(item: Item) -> dict[str, Any]:
    """What a change says of the task itself."""
    due, given = item.moment("complete_till"), {"type": _type(item), "duration": _duration(item), "responsible_id": item.whole("responsible_user_id") or None}
    values: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if text := item.text("text", most=LONGEST_TEXT):
        values["text"] = text
    if due is not None:
        values |= {"due_at": due, "all_day": _ends_a_day(due)}
    return values


def _finished(asked: Asked, item: Item, task: Task) -> Task:
    """The task done, or open again, as the change says; of one that was done already, what came of it is said anew."""
    done = item.flag("is_completed")
    if done:
        task = services.complete(asked.actor, task.pk, result=_result(item))
    elif done is False and task.done_at is not None:
        task = services.reopen(asked.actor, task.pk)
    if item.given("result") and task.done_at is not None and task.result != _result(item):
        task = services.change(asked.actor, task.pk, result=_result(item))
    return task


def _place(item: Item) -> tuple[str, int] | None:
    """The record that a task is to stand on, where both its kind and its number were said."""
    entity, pk = item.text("entity_type"), item.whole("entity_id")
    if not entity or pk is None:
        return None
    if entity not in names.CODES and entity != CUSTOMERS:
        item.fault("entity_type", _CHOICE, code="NotSupportedChoice")
        return None
    return names.CODES.get(entity, entity), pk


def _put_on(asked: Asked, item: Item, task: Task, place: tuple[str, int]) -> Task:
    if place[0] == CUSTOMERS:
        if customer_tasks.of_tasks([task]).get(task.pk) != place[1]:
            item.fault("entity_id", "A task is not put on another customer: make a new one.", code="NotSupportedChoice")
            settle([item])
        return task
    stood = task.entity
    try:
        task = services.put_on(asked.actor, task.pk, entity=place[0], record_id=place[1])
    except NotFound:
        item.fault("entity_id", _CHOICE, code="NotSupportedChoice")
        settle([item])
    if not stood:
        customer_tasks.let_go(task)
    return task


def delete(asked: Asked, pk: int) -> HttpResponse:
    """Put a task in the bin."""
    services.remove(asked.actor, pk)
    return answers.nothing()
