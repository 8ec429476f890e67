"""The bin: what lies in it, taking out, and the end after 90 days."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Q

from crm_core.groundwork.attachments.models import Attachment
from crm_core.groundwork.custom_fields.models import FieldIndex
from crm_core.groundwork.records import desk, registry, writing
from crm_platform.db import sides
from crm_platform.events.models import Event
from crm_platform.kernel import clock, jobs, workspace
from crm_platform.kernel.jobs import Again, Lease
from crm_platform.kernel.permissions import Actor

KEPT_FOR = timedelta(days=90)
AT_ONCE = 200


def lying(actor: Actor, kind: registry.Kind) -> Any:
    """What of a kind lies in the bin and the actor may see, last binned first."""
    reach = desk.find(kind.code).reach(actor)
    return kind.model.objects.filter(reach).exclude(binned_at=None).order_by("-binned_at", "-id")


def restore(actor: Actor, *, entity: str, pks: list[int]) -> list[Any]:
    """Take out; raises NotFound, Forbidden."""
    return writing.restore(actor, registry.find(entity), pks)


def purge(kind: registry.Kind, *, before: Any) -> int:
    """Delete what has lain longer than 90 days; its event rows become stubs without values. Inside a unit."""
    pks = list(kind.model.objects.filter(binned_at__lt=before).order_by("binned_at").values_list("pk", flat=True)[:AT_ONCE])
    if not pks:
        return 0
    Event.objects.filter(entity=kind.code, record_id__in=pks).update(before={}, after={})
    Attachment.objects.filter(entity=kind.code, record_id__in=pks).update(binned_at=clock.now())
    own_fields = Q(field__entity=kind.code)
    FieldIndex.objects.filter(own_fields, record_id__in=pks).delete()
    kind.model.objects.filter(pk__in=pks).delete()
    return len(pks)


@jobs.register("bin.purge", kind=jobs.Kind.LONG)
def nightly(pk: int, *, lease: Lease) -> Again | None:
    """Empty tonight what is due, and leave tomorrow's round."""
    before = clock.now() - KEPT_FOR
    left = 0
    for kind in registry.kinds():
        with sides.unit(workspace.here()):
            left += purge(kind, before=before) == AT_ONCE
            lease.beat()
    if left:
        return Again()
    with sides.unit(workspace.here()):
        begin()
    return None


def begin() -> None:
    """Leave the next round, a day from now."""
    jobs.later("bin.purge", 0, at=clock.real_now() + timedelta(days=1), key="bin.purge")
