"""A workspace that leaves renews nothing: what it bought ends with the period that is paid, and goes on if the workspace is called back before.

A worker asks the provider, once for each departure. Who resumes the plan by hand meanwhile is believed; what a person cancelled stays cancelled.
"""

from __future__ import annotations

import logging

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Concat

from billing.models import Act, Subscription
from billing.providers.choosing import LIVE
from billing.subscribing import life
from crm_platform.db import sides
from crm_platform.jobs.models import Job, JobState
from crm_platform.kernel import jobs
from crm_platform.kernel.errors import Conflict
from crm_platform.kernel.jobs import Lease
from crm_platform.kernel.permissions import robot
from tenants.models import State, Workspace

_log = logging.getLogger("kartoteka.billing")
DEPART = "dunning.depart"
# What an act of ours is called: by it a cancellation of ours is known from a person's.
_LEAVES, _RETURNS = "leaving.", "returned."
_AT_ONCE = 200


def take_up() -> None:
    """Find those that leave with a plan that would renew, and those that came back to one that was ended for it. The scheduler's chore."""
    with sides.control_unit():
        for pk in [*_leaving().values_list("pk", flat=True)[:_AT_ONCE], *_back().values_list("pk", flat=True)[:_AT_ONCE]]:
            if not Job.objects.filter(name=DEPART, target=pk, state__in=(JobState.WAITING, JobState.RUNNING)).exists():
                jobs.later(DEPART, pk, key=f"{DEPART}.{pk}")


def _leaving() -> QuerySet[Subscription]:
    ours = Q(operation=Concat(Value(_LEAVES), OuterRef("workspace__departure__certificate")))
    theirs = Q(account__workspace=OuterRef("workspace"), kind="plan.resumed", done_at__gte=OuterRef("workspace__departure__asked_at"))
    decided = Exists(Act.objects.filter(ours | theirs, state="done"))
    return _live().filter(~decided, workspace__state=State.LEAVING, workspace__departure__isnull=False, cancel_at=None)


def _back() -> QuerySet[Subscription]:
    acts = Act.objects.filter(account__workspace=OuterRef("workspace"), kind__in=("plan.cancelled", "plan.resumed"), state="done")
    last = Subquery(acts.order_by("-done_at", "-pk").values("operation")[:1])
    return _live().annotate(last=last).filter(last__startswith=_LEAVES, workspace__state=State.ACTIVE, cancel_at__isnull=False)


def _live() -> QuerySet[Subscription]:
    return Subscription.objects.exclude(external_id="").filter(status__in=LIVE)


@jobs.register(DEPART)
def depart(pk: int, *, lease: Lease) -> None:
    """Cancel to the period's end what leaves; resume what came back. Raises ProviderUnavailable: then it is tried again with the same keys."""
    with sides.control_unit():
        lease.beat()
        workspace = Workspace.objects.select_related("departure").get(subscription=pk)
        leaves = _leaving().filter(pk=pk).exists()
        done = next((str(getattr(row, "last", "")) for row in _back().filter(pk=pk)), "")  # the name that `_back` adds
    try:
        if leaves:
            life.cancel(workspace.place, actor=robot("leaving"), operation=_LEAVES + workspace.departure.certificate)
        elif done:
            life.resume(workspace.place, actor=robot("leaving"), operation=_RETURNS + done.removeprefix(_LEAVES))
    except Conflict as error:  # a person was quicker, or another act is under way: the next round looks again
        _log.info("a plan of a workspace that leaves or came back is left as it is", extra={"subscription": pk, "code": error.code})
