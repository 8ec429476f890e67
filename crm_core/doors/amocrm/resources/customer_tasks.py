"""Tasks of customers. Here a task stands on a deal, a contact, a company or on nothing: one of a customer stands on nothing, and whose it is is kept beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.db.models import BigIntegerField, Min, OuterRef, Q, QuerySet, Subquery
from django.db.models.fields.json import KT
from django.db.models.functions import Cast

from crm_core.doors.amocrm import storing
from crm_core.doors.amocrm.models import Stored
from crm_core.engagement.tasks.models import Task
from crm_platform.kernel import clock
from crm_platform.kernel.permissions import Actor

CUSTOMERS = "customers"
# `parent_id` is the task.
KIND = "customer_task"


def stands(actor: Actor, pk: int) -> bool:
    """Whether there is such a customer for the program."""
    return storing.rows(actor, "customer").filter(pk=pk).exists()


def keep(actor: Actor, task: Task, customer: int) -> None:
    """The task is of the customer. The caller has asked the rights; the task itself was announced."""
    Stored.objects.create(kind=KIND, parent_id=task.pk, body={"customer_id": customer}, created_by=actor.user_id)


def let_go(task: Task) -> None:
    """The task is of no customer any more: it stands on a record. The caller has asked the rights and announced it."""
    _kept().filter(parent_id=task.pk).update(deleted_at=clock.now())


def of_tasks(tasks: Iterable[Task]) -> dict[int, int]:
    """The customers of tasks, by the task's number."""
    pks = [task.pk for task in tasks if not task.entity]
    return {pk: customer for pk, customer in _kept().filter(parent_id__in=pks).values_list("parent_id", "body__customer_id") if pk} if pks else {}


def _kept() -> QuerySet[Stored]:
    return Stored.objects.filter(kind=KIND, deleted_at=None)


def tasks_of(customers: Sequence[int] | None) -> QuerySet[Stored, int | None]:
    """The numbers of the tasks of customers, of all where it is None: a sub-query."""
    return (_kept() if customers is None else _kept().filter(body__customer_id__in=customers)).values_list("parent_id", flat=True)


def due_within(period: Q) -> QuerySet[Stored, int]:
    """The numbers of the customers whose nearest open task is due so, a condition on `nearest`: a sub-query."""
    due = Task.objects.filter(pk=OuterRef("parent_id"), done_at=None, binned_at=None).values("due_at")[:1]
    rows = _kept().annotate(customer=Cast(KT("body__customer_id"), BigIntegerField()), due=Subquery(due)).values("customer").annotate(nearest=Min("due"))
    return rows.filter(period).order_by().values_list("customer", flat=True)


def nearest(customers: Sequence[int]) -> Mapping[int, datetime]:
    """When the nearest open task of each customer is due; those without one are left out."""
    rows = _kept().filter(body__customer_id__in=customers).values_list("parent_id", "body__customer_id") if customers else ()
    home: dict[int, int] = {pk: customer for pk, customer in rows if pk}
    found: dict[int, datetime] = {}
    for pk, due in Task.objects.filter(pk__in=home, done_at=None, binned_at=None).order_by("-due_at").values_list("pk", "due_at") if home else ():
        found[home[pk]] = due
    return found
