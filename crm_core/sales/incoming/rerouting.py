"""A lead that nobody has taken goes to the next, when its rule says so."""

from __future__ import annotations

from crm_platform.db import sides
from crm_platform.events.backbone import emit
from crm_platform.kernel import jobs, workspace
from crm_platform.kernel.jobs import Again, Lease
from crm_platform.kernel.permissions import ActorKind, robot

from . import routing
from .models import IncomingLead, LeadRule, LeadState

ROUTER = robot("routing", kind=ActorKind.RULE)


@jobs.register(routing.REROUTE)
def reroute(pk: int, *, lease: Lease) -> Again | None:
    """Name the next one; once, also where a worker dies between that and its note that it is done."""
    done = bool(lease.checkpoint.get("given"))
    with sides.unit(workspace.here()):
        lease.beat({"given": True})
        lead = None if done else _waiting(pk)
        if lead is not None:
            give(lead)
    return None


@jobs.register(routing.OPENING)
def opened(pk: int, *, lease: Lease) -> Again | None:
    """`hand_out`, as a job."""
    with sides.unit(workspace.here()):
        lease.beat()
        hand_out(pk)
    return None


def hand_out(pk: int) -> None:
    """Give away what waited for the hours of a rule; whom a person has given it to meanwhile keeps it. Inside a unit."""
    lead = _waiting(pk)
    if lead is not None and (lead.responsible_id is None or lead.responsible_id in lead.tried):
        give(lead)


def _waiting(pk: int) -> IncomingLead | None:
    """A lead that still waits, locked."""
    return IncomingLead.objects.select_for_update(of=("self",)).select_related("source").filter(pk=pk, state=LeadState.WAITING).first()


def give(lead: IncomingLead) -> None:
    """Give a locked lead to whoever comes next, and tell of it. Where no rule holds at this hour it stays as it is until one does."""
    before = lead.responsible_id
    if before is not None and before not in lead.tried:
        lead.tried = [*lead.tried, before]
    rules = routing.rules_for(lead.source_id)
    rule = routing.assign(lead, rules)
    if lead.responsible_id == before:
        IncomingLead.objects.filter(pk=lead.pk).update(tried=lead.tried)
        if rule is None:
            routing.keep_opening(lead, rules)
        return
    IncomingLead.objects.filter(pk=lead.pk).update(responsible=lead.responsible_id, tried=lead.tried)
    emit(ROUTER, "incoming.rerouted", entity="incoming", record_id=lead.pk, before={"responsible_id": before}, after={"responsible_id": lead.responsible_id, "name": lead.name})
    if rule is not None:
        LeadRule.objects.filter(pk=rule.pk).update(given=lead.responsible_id)
        routing.keep_timer(lead, rule)
