"""Reading leads: who sees which, and how many wait."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Avg, Count, F, Min, Q, QuerySet

from crm_core.sales.deals.models import Deal
from crm_core.sales.pipelines import queries as pipelines
from crm_platform.accounts import directory
from crm_platform.kernel import clock, versions
from crm_platform.kernel.permissions import Actor, Scope, require

from .models import IncomingLead, LeadState
from .permissions import INCOMING


def reach(actor: Actor) -> Q:
    """The condition of `deciding.sees`."""
    scope = actor.scope_for(INCOMING.VIEW)
    if scope == Scope.ALL:
        return Q()
    if scope == Scope.NONE:
        return Q(pk__in=[])
    mine = Q(responsible=None) | Q(responsible=actor.user_id)
    return mine | Q(responsible__in=directory.in_group(actor.group_id)) if scope == Scope.TEAM else mine


def rows(actor: Actor) -> QuerySet[IncomingLead]:
    """Every lead the actor may see; raises Forbidden for who sees none at all."""
    require(actor, INCOMING.VIEW)
    return IncomingLead.objects.filter(reach(actor), probe=False).select_related("source")


def waiting(actor: Actor, *, source_id: int | None = None, mine: bool = False, late: bool = False) -> QuerySet[IncomingLead]:
    """What waits, the newest first."""
    found = rows(actor).filter(state=LeadState.WAITING)
    if source_id is not None:
        found = found.filter(source=source_id)
    if mine:
        found = found.filter(responsible=actor.user_id)
    if late:
        found = found.filter(due_at__lt=clock.now())
    return found.order_by("-received_at", "-id")


def decided(actor: Actor, *, state: str = "", by: int | None = None) -> QuerySet[IncomingLead]:
    """What was decided (in one way, by one person), the newest decision first."""
    found = rows(actor).filter(decided_at__isnull=False)
    if by is not None:
        found = found.filter(taken_by=by)
    return (found.filter(state=state) if state else found).order_by("-decided_at", "-id")


def figures(actor: Actor) -> dict[str, Any]:
    """How many wait and are late, and since when the oldest waits: remembered to the minute."""
    minute = clock.now().replace(second=0, microsecond=0)

    def count() -> dict[str, Any]:
        found = IncomingLead.objects.filter(reach(actor), state=LeadState.WAITING, probe=False)
        return found.aggregate(waiting=Count("id"), late=Count("id", filter=Q(due_at__lt=minute)), oldest=Min("received_at"))

    scope = actor.scope_for(INCOMING.VIEW)
    who = "" if scope == Scope.ALL else f".{actor.user_id}.{actor.group_id}"
    return versions.remembered(("incoming_lead", "person"), f"incoming.{int(scope)}{who}.{minute:%d%H%M}", count)


def in_rail(actor: Actor) -> tuple[int, bool]:
    """The figure beside the place in the rail: red when some are late."""
    found = figures(actor)
    return (found["late"], True) if found["late"] else (found["waiting"], False)


def pipeline_of(lead: IncomingLead) -> int:
    """Into which pipeline a lead goes: the one it names, else its source's, else the first; one that is put aside is none."""
    wanted = lead.pipeline_id or (lead.source.pipeline_id if lead.source else None)
    return next((one.pk for one in pipelines.active() if one.pk == wanted), pipelines.first().pk)


def goes_into(pipeline_ids: Sequence[int]) -> Q:
    """The condition of `pipeline_of`."""
    active = [one.pk for one in pipelines.active()]
    wanted = [pk for pk in pipeline_ids if pk in active]
    named = Q(pipeline__in=wanted) | Q(pipeline=None, source__pipeline__in=wanted)
    if pipelines.first().pk not in wanted:
        return named
    sources = Q(source=None) | Q(source__pipeline=None) | ~Q(source__pipeline__in=active)
    return named | (Q(pipeline=None) & sources) | (Q(pipeline__isnull=False) & ~Q(pipeline__in=active))


@dataclass(frozen=True, slots=True)
class Reaction:
    """How a person decides about leads: how many, how long they had waited on average, how many of them longer than they should."""

    person_id: int
    decided: int
    waited: timedelta
    late: int


def reactions(actor: Actor, *, days: int) -> list[Reaction]:
    """By person, over what was decided in so many days and the actor may see; who decides most stands first."""
    found = decided(actor).filter(decided_at__gte=clock.now() - timedelta(days=days), taken_by__isnull=False).order_by()
    told = found.values("taken_by").annotate(n=Count("id"), waited=Avg(F("decided_at") - F("received_at")), over=Count("id", filter=Q(decided_at__gt=F("due_at"))))
    by_person: list[tuple[Any, ...]] = list(told.order_by("-n", "taken_by").values_list("taken_by", "n", "waited", "over"))
    return [Reaction(*row) for row in by_person]


def people_of(lead: IncomingLead) -> list[int]:
    """The ids of the contacts that a lead became or was put to, the main one first."""
    return lead.contents.get("people") or ([lead.contact_id] if lead.contact_id else [])


def firms_of(leads: Iterable[IncomingLead]) -> dict[int, int]:
    """The companies of the deals that leads became or were put to, by the deal's id: one statement, and none where there is no deal."""
    pks = {lead.deal_id for lead in leads if lead.deal_id is not None}
    return dict(Deal.objects.filter(pk__in=pks).exclude(company=None).values_list("pk", "company_id")) if pks else {}


def summary(actor: Actor, *, since: datetime | None = None, before: datetime | None = None, pipeline_ids: Sequence[int] | None = None) -> dict[str, Any]:
    """Figures of a period by the moment of coming, the last thirty days where neither end is said: "total", "accepted" (linked and merged among them), "declined", "waiting", "average_sort_seconds" and "categories"."""
    found = rows(actor)
    if since is None and before is None:
        since = clock.now() - timedelta(days=30)
    if since is not None:
        found = found.filter(received_at__gte=since)
    if before is not None:
        found = found.filter(received_at__lt=before)
    if pipeline_ids is not None:
        found = found.filter(goes_into(pipeline_ids))
    taken = Q(state__in=(LeadState.ACCEPTED, LeadState.LINKED, LeadState.MERGED))
    told = found.order_by().aggregate(
        total=Count("id"), accepted=Count("id", filter=taken), declined=Count("id", filter=Q(state=LeadState.DECLINED)), waiting=Count("id", filter=Q(state=LeadState.WAITING)),
        average=Avg(F("decided_at") - F("received_at"), filter=Q(decided_at__isnull=False)),
    )  # fmt: skip
    average = told.pop("average")
    by_category = found.order_by().values_list("category").annotate(n=Count("id"))
    return {**told, "average_sort_seconds": int(average.total_seconds()) if average else 0, "categories": dict(by_category)}
