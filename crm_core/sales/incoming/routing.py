"""Who is to answer: rules asked in order, each a way to name somebody, while the hours it holds for last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from django.db.models import Count
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm_core.groundwork.records.ordering import fold
from crm_core.sales.deals.models import Deal
from crm_platform.accounts import directory
from crm_platform.accounts.models import Access
from crm_platform.events.backbone import emit
from crm_platform.jobs.models import Job, JobState
from crm_platform.kernel import clock, jobs
from crm_platform.kernel.permissions import Actor

from . import duplicates
from .models import IncomingLead, LeadRule, LeadState

REROUTE, OPENING = "incoming.reroute", "incoming.opening"
# For so long after it was read a lead that nobody takes goes round, and one that no rule gave to anybody is offered at each opening.
ASKED_FOR = timedelta(days=7)
ALWAYS, WITHIN, OUTSIDE = "", "within", "outside"


@dataclass(frozen=True, slots=True)
class Way:
    """A kind of rule: its name, and whom it names among `people` (never empty); None passes the question on."""

    label: Any
    choose: Callable[[LeadRule, IncomingLead, Sequence[int]], int | None]


def rules_for(source_id: int | None) -> list[LeadRule]:
    """The rules of a source, its own first, then those for all."""
    return sorted(_all_rules(source_id), key=lambda rule: (rule.source_id is None, rule.order, rule.pk))


def _all_rules(source_id: int | None) -> list[LeadRule]:
    return [rule for rule in LeadRule.objects.all() if rule.source_id in (None, source_id)]


def assign(lead: IncomingLead, rules: Sequence[LeadRule]) -> LeadRule | None:
    """Name who answers; returns the rule that did. Whoever had it and did not take it is passed over while others are left."""
    for rule in rules:
        if not holds(rule, clock.now()):
            continue
        people = _people(rule)
        fresh = [pk for pk in people if pk not in lead.tried] or people
        chosen = _WAYS[rule.kind].choose(rule, lead, fresh) if rule.kind in _WAYS and fresh else None
        if chosen is not None:
            lead.responsible_id = chosen
            return rule
    default = lead.source.settings.get("responsible") if lead.source is not None else None
    if lead.responsible_id is None and default in at_work():
        lead.responsible_id = default
    return None


def keep_timer(lead: IncomingLead, rule: LeadRule) -> None:
    """Ask again when nobody has taken it: a job at the moment of business. After a week it stays where it is."""
    minutes = rule.settings.get("reroute_minutes")
    if isinstance(minutes, int) and minutes > 0 and _asked_still(lead, clock.now()):
        jobs.later(REROUTE, lead.pk, at=clock.real_now() + timedelta(minutes=minutes))


def stop_timer(lead: IncomingLead) -> None:
    """A person has chosen: whoever they gave it to keeps it."""
    Job.objects.filter(name=REROUTE, target=lead.pk, state=JobState.WAITING).delete()


def _asked_still(lead: IncomingLead, now: datetime) -> bool:
    """Counted from the reading: what lay sealed for weeks is offered like any other once it is open."""
    return now - (lead.read_at or lead.received_at) <= ASKED_FOR


def keep_opening(lead: IncomingLead, rules: Sequence[LeadRule]) -> None:
    """Ask again when the first of the rules begins to hold: what comes at night is given in the morning. After a week nobody is asked for any more."""
    now = clock.now()
    if not _asked_still(lead, now):
        return
    moment = min((opens for rule in rules if (opens := opens_at(rule, now)) is not None), default=None)
    if moment is not None:
        jobs.later(OPENING, lead.pk, at=clock.real_now() + (moment - now))


def at_work() -> list[int]:
    """Who may be given leads: people with access whose role may change something."""
    return [person.pk for person in directory.everyone().values() if person.access == Access.ACTIVE and not person.role.view_only]


def _people(rule: LeadRule) -> list[int]:
    chosen, present = rule.settings.get("people") or [], at_work()
    return [pk for pk in present if pk in chosen] if chosen else present


def holds(rule: LeadRule, now: datetime) -> bool:
    """Whether the rule's hours are now: in the firm's time zone."""
    hours = rule.settings.get("hours") or {}
    when = hours.get("when", ALWAYS)
    if when == ALWAYS:
        return True
    local, (first, last) = timezone.localtime(now), _bounds(hours)
    inside = local.isoweekday() in (hours.get("days") or [1, 2, 3, 4, 5]) and first <= local.time() < last
    return bool(inside == (when == WITHIN))


def opens_at(rule: LeadRule, now: datetime) -> datetime | None:
    """When a rule that does not hold now begins to; None for one that holds, and for one that never will."""
    if holds(rule, now):
        return None
    local, edges = timezone.localtime(now), sorted({time(0), *_bounds(rule.settings["hours"])})
    days = (local.date() + timedelta(days=ahead) for ahead in range(9))
    moments = (datetime.combine(day, edge, tzinfo=local.tzinfo) for day in days for edge in edges)
    return next((moment for moment in moments if moment > now and holds(rule, moment)), None)


def _bounds(hours: dict[str, Any]) -> tuple[time, time]:
    return _time(hours.get("from"), time(9)), _time(hours.get("to"), time(18))


def _time(text: Any, default: time) -> time:
    try:
        return time.fromisoformat(str(text))
    except ValueError:
        return default


def _in_turn(rule: LeadRule, lead: IncomingLead, people: Sequence[int]) -> int | None:
    order = sorted(people)
    following = [pk for pk in order if rule.given is not None and pk > rule.given]
    return (following or order)[0]


def _least_busy(rule: LeadRule, lead: IncomingLead, people: Sequence[int]) -> int | None:
    """Who has the fewest leads that wait and open deals; the same number: whose turn it is."""
    load = dict.fromkeys(people, 0)
    waiting = IncomingLead.objects.filter(state=LeadState.WAITING, responsible__in=people).values_list("responsible").annotate(n=Count("id"))
    working = Deal.objects.filter(state="open", binned_at=None, responsible__in=people).values_list("responsible").annotate(n=Count("id"))
    for rows in (waiting, working):
        for pk, number in rows:
            load[pk] += number
    least = min(load.values())
    return _in_turn(rule, lead, [pk for pk in people if load[pk] == least])


def _by_field(rule: LeadRule, lead: IncomingLead, people: Sequence[int]) -> int | None:
    wanted = {fold(str(value)): pk for value, pk in rule.settings.get("values") or ()}
    found = _value(lead, fold(str(rule.settings.get("field", ""))))
    chosen = wanted.get(fold(found)) if found else None
    return chosen if chosen in at_work() and chosen not in lead.tried else None


def _value(lead: IncomingLead, name: str) -> str:
    for label, value in lead.contents.get("fields") or ():
        if fold(str(label)).rpartition(".")[2] == name:
            return str(value)
    return next((str(value) for key, value in lead.metadata.items() if fold(key) == name), "")


def _previous(rule: LeadRule, lead: IncomingLead, people: Sequence[int]) -> int | None:
    contact = duplicates.owner_of(lead)
    known = contact.responsible_id if contact is not None else None
    return known if known in people and known not in lead.tried else None


_WAYS: dict[str, Way] = {
    "previous": Way(_("Whoever is responsible for the contact already"), _previous),
    "field": Way(_("By the value of a field, such as a territory"), _by_field),
    "turns": Way(_("In turn"), _in_turn),
    "load": Way(_("Whoever has the least to do"), _least_busy),
}
KINDS = [(code, way.label) for code, way in _WAYS.items()]


def waiting_count(user_id: int) -> int:
    """For handing over: the leads that wait for a person."""
    return IncomingLead.objects.filter(responsible=user_id, state=LeadState.WAITING).count()


def hand_over(actor: Actor, from_id: int, to_id: int) -> int:
    """All that waits for one person to another."""
    moved = IncomingLead.objects.filter(responsible=from_id, state=LeadState.WAITING).update(responsible=to_id)
    if moved:
        emit(actor, "incoming.handed_over", entity="incoming", record_id=None, before={"responsible_id": from_id}, after={"responsible_id": to_id, "leads": moved}, also=[f"person:{from_id}", f"person:{to_id}"])
    return moved
