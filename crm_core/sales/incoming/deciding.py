"""What becomes of a lead: accepted, linked, merged, declined; and back. By the services that the screens of records use, with their rights and limits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from crm_core.groundwork.attachments import services as attachments
from crm_core.groundwork.records import registry, writing
from crm_core.people.contacts.kind import CONTACT
from crm_core.people.contacts.models import Contact
from crm_core.sales.deals import services as deals
from crm_core.sales.deals.kind import DEAL
from crm_core.sales.deals.models import DealContact
from crm_platform.accounts import directory
from crm_platform.events.backbone import emit
from crm_platform.kernel import clock, gates, units
from crm_platform.kernel.errors import Conflict, CrmError, Forbidden, Invalid, NotFound, Overtaken, PlanRefusal
from crm_platform.kernel.permissions import Actor, Scope, refusal

from . import duplicates, making, routing
from .models import IncomingLead, LeadState
from .permissions import INCOMING

AT_ONCE = 50
_NONE: Mapping[str, Any] = {}


class DecidedMeanwhile(Overtaken):
    """Someone was quicker."""

    code = "lead_decided"
    sentence = _("{who} has decided about this lead already. Nothing was changed.")


def sees(actor: Actor, lead: IncomingLead) -> bool:
    """A lead that nobody answers for yet is everybody's who sees leads at all."""
    return _reaches(actor, INCOMING.VIEW, lead)


def may_decide(actor: Actor, lead: IncomingLead) -> bool:
    """Whether the actor decides about this lead; of one that is nobody's, whoever decides about any."""
    return _reaches(actor, INCOMING.EDIT, lead)


def _reaches(actor: Actor, right: Any, lead: IncomingLead) -> bool:
    if lead.responsible_id is None:
        return actor.scope_for(right) > Scope.NONE
    return writing.may(actor, right, lead)


def get(actor: Actor, uid: str) -> IncomingLead:
    """A lead the actor may see; raises NotFound."""
    lead = IncomingLead.objects.select_related("source").filter(uid=uid, probe=False).first()
    if lead is None or not sees(actor, lead):
        raise NotFound
    return lead


def locked(actor: Actor, uid: str, *, state: str = LeadState.WAITING) -> IncomingLead:
    """A lead the actor may decide about, locked. Raises NotFound, Forbidden, and DecidedMeanwhile in another state."""
    lead = IncomingLead.objects.select_for_update(of=("self",)).select_related("source").filter(uid=uid, probe=False).first()
    if lead is None or not sees(actor, lead):
        raise NotFound
    if not may_decide(actor, lead):
        raise refusal(actor, INCOMING.EDIT.key)
    if lead.state != state:
        raise DecidedMeanwhile(who=directory.name_of(lead.taken_by) or "–")
    return lead


def _decide(
    actor: Actor, lead: IncomingLead, state: str, *, also: Iterable[str] = (), people: Sequence[Contact] = (), facts: Mapping[str, Any] = _NONE, **values: Any
) -> IncomingLead:  # fmt: skip
    lead.state, lead.taken_by, lead.decided_at = state, actor.user_id, clock.now()
    for name, value in values.items():
        setattr(lead, name, value)
    if len(people) > 1:
        lead.contents = {**lead.contents, "people": [contact.pk for contact in people]}
    lead.save(update_fields=["state", "taken_by", "decided_at", "contents", *values])
    told = {"name": lead.name, "source": lead.source.name if lead.source else "", **values, **facts}
    emit(actor, f"incoming.{state}", entity="incoming", record_id=lead.pk, before={"state": LeadState.WAITING}, after=told, also=[*also, *(f"contact:{contact.pk}" for contact in people)])
    return lead


def accept(actor: Actor, uid: str, *, user_id: int | None = None, stage_id: int | None = None, apart: bool = False) -> IncomingLead:
    """Make a deal of it, with its contacts (the main one first) and company: the known ones, completed, unless `apart`.

    `user_id` answers for it, else whom it was given to, else the actor. Raises PlanRefusal where the plan holds no more: the lead waits on.
    """
    lead = locked(actor, uid)
    making.alone_with_people_of([lead])
    answers = _person(user_id if user_id is not None else lead.responsible_id if lead.responsible_id is not None else actor.user_id)
    people = making.people_of(actor, lead, responsible_id=answers, apart=apart)
    deal = making.deal_of(actor, lead, people, stage_id=stage_id, responsible_id=answers)
    making.tell_on(actor, DEAL, deal, lead)
    attachments.carry(actor, entity="incoming", pk=lead.pk, to="deal", to_pk=deal.pk)
    return _decide(actor, lead, LeadState.ACCEPTED, also=[f"deal:{deal.pk}"], people=people, deal_id=deal.pk, contact_id=people[0].pk if people else None, responsible_id=answers)


def accept_contact(actor: Actor, uid: str, *, user_id: int | None = None, apart: bool = False) -> IncomingLead:
    """Make only contacts of the people it names, or complete the known ones; the first is the lead's. Raises Invalid where it names nobody."""
    lead = locked(actor, uid)
    making.alone_with_people_of([lead])
    answers = _person(user_id if user_id is not None else lead.responsible_id if lead.responsible_id is not None else actor.user_id)
    people = making.people_of(actor, lead, responsible_id=answers, apart=apart)
    if not people:
        raise Invalid(fields={"contact": [_("It names nobody: no name, no phone, no e-mail.")]})
    making.tell_on(actor, CONTACT, people[0], lead)
    attachments.carry(actor, entity="incoming", pk=lead.pk, to="contact", to_pk=people[0].pk)
    return _decide(actor, lead, LeadState.ACCEPTED, people=people, contact_id=people[0].pk, responsible_id=answers)


def link(actor: Actor, uid: str, *, entity: str, pk: int, contact_id: int | None = None) -> IncomingLead:
    """Put it to a deal or a contact that is there already: its words as a note, its files, its person among the deal's."""
    if entity not in ("deal", "contact"):
        raise Invalid(fields={"entity": [_("A lead is linked to a deal or to a contact.")]})
    lead, kind = locked(actor, uid), registry.find(entity)
    record = writing.get(actor, kind, pk)
    person = writing.get(actor, CONTACT, contact_id) if contact_id is not None else None
    if entity == "deal" and person is not None:
        _join(actor, pk, person.pk)
    making.tell_on(actor, kind, record, lead)
    attachments.carry(actor, entity="incoming", pk=lead.pk, to=entity, to_pk=pk)
    values = {"deal_id": pk, "contact_id": person.pk if person else None} if entity == "deal" else {"contact_id": pk}
    return _decide(actor, lead, LeadState.LINKED, also=[f"{entity}:{pk}"], **values)


def link_beyond(actor: Actor, uid: str, *, entity: str, pk: int, contact_id: int | None = None) -> IncomingLead:
    """Put it to something that is kept elsewhere (a customer of programs): the caller has found it, and tells the lead's words there.

    Its person, where one is named, gets its words and files too: no card of ours shows what is kept elsewhere. Raises as `link` does.
    """
    lead = locked(actor, uid)
    person = writing.get(actor, CONTACT, contact_id) if contact_id is not None else None
    if person is not None:
        making.tell_on(actor, CONTACT, person, lead)
        attachments.carry(actor, entity="incoming", pk=lead.pk, to="contact", to_pk=person.pk)
    also = [f"{entity}:{pk}", *([f"contact:{person.pk}"] if person is not None else [])]
    return _decide(actor, lead, LeadState.LINKED, also=also, facts={f"{entity}_id": pk}, contact_id=person.pk if person is not None else None)


def _join(actor: Actor, deal_id: int, contact_id: int) -> None:
    present = [{"contact_id": one.contact_id, "role": one.role} for one in DealContact.objects.filter(deal=deal_id).order_by("-main", "id")]
    if contact_id not in [row["contact_id"] for row in present]:
        deals.change_deal(actor, deal_id, contacts=[*present, {"contact_id": contact_id}])


def merge(actor: Actor, uid: str, *, contact_id: int) -> IncomingLead:
    """Put what it says onto a contact that is known already: the numbers and addresses that lacks, its words as a note. No deal is made."""
    lead = locked(actor, uid)
    contact = writing.get(actor, CONTACT, contact_id, right="edit")
    contact = making.complete(actor, contact, lead)
    making.tell_on(actor, CONTACT, contact, lead)
    attachments.carry(actor, entity="incoming", pk=lead.pk, to="contact", to_pk=contact_id)
    return _decide(actor, lead, LeadState.MERGED, also=[f"contact:{contact_id}"], contact_id=contact_id)


def merge_twins(actor: Actor, uid: str) -> int:
    """Put the others that wait with the same phone or e-mail into this one; returns how many."""
    lead, words = locked(actor, uid), []
    others = [locked(actor, other.uid) for other in sorted(duplicates.twins(lead), key=lambda one: one.pk) if may_decide(actor, other) and sees(actor, other)]
    for other in others:
        words.append(making.words_of(other))
        attachments.carry(actor, entity="incoming", pk=other.pk, to="incoming", to_pk=lead.pk)
        _decide(actor, other, LeadState.MERGED, reason=f"#{lead.uid}")
    if others:
        lead.message = "\n\n".join([lead.message, *words])[:20_000]
        lead.keys = list(dict.fromkeys([*lead.keys, *(key for other in others for key in other.keys)]))
        lead.save(update_fields=["message", "keys"])
    return len(others)


def decline(actor: Actor, uid: str, *, reason: str = "") -> IncomingLead:
    """Nothing comes of it; `put_back` takes that back."""
    reason = " ".join(reason.split())
    if len(reason) > 500:
        raise Invalid(fields={"reason": [str(_("At most {most} letters; this has {count}.")).format(most=500, count=len(reason))]})
    return _decide(actor, locked(actor, uid), LeadState.DECLINED, reason=reason)


def put_back(actor: Actor, uid: str) -> IncomingLead:
    """It waits again, with its time for an answer as it was."""
    lead = locked(actor, uid, state=LeadState.DECLINED)
    before = lead.reason
    lead.state, lead.taken_by, lead.decided_at, lead.reason = LeadState.WAITING, None, None, ""
    lead.save(update_fields=["state", "taken_by", "decided_at", "reason"])
    emit(actor, "incoming.put_back", entity="incoming", record_id=lead.pk, before={"state": LeadState.DECLINED, "reason": before}, after={"name": lead.name})
    return lead


def give(actor: Actor, uid: str, *, user_id: int | None) -> IncomingLead:
    """Give it to somebody, or to nobody."""
    lead = locked(actor, uid)
    before, lead.responsible_id = lead.responsible_id, _person(user_id)
    if before != lead.responsible_id:
        lead.save(update_fields=["responsible"])
        routing.stop_timer(lead)
        emit(actor, "incoming.given", entity="incoming", record_id=lead.pk, before={"responsible_id": before}, after={"responsible_id": lead.responsible_id, "name": lead.name})
    return lead


def _person(pk: int | None) -> int | None:
    if pk is not None and (pk not in directory.everyone() or directory.gone(directory.everyone()[pk])):
        raise Invalid(fields={"responsible": [_("Choose someone who works here.")]})
    return pk


def accept_each(actor: Actor, uids: Iterable[str]) -> tuple[int, CrmError | None]:
    """Accept many; see `each`. Their people are taken all at once and in one order: two who accept many do not wait for one another in a circle."""
    chosen = list(dict.fromkeys(uids))[:AT_ONCE]
    leads = IncomingLead.objects.select_for_update(of=("self",)).filter(uid__in=chosen, probe=False).order_by("pk")
    making.alone_with_people_of([lead for lead in leads if sees(actor, lead)])
    return each(chosen, lambda uid: accept(actor, uid))


def each(uids: Iterable[str], verb: Callable[[str], Any]) -> tuple[int, CrmError | None]:
    """A verb for many, each whole or not at all; returns how many were done, and the last refusal. A plan that is full ends it."""
    done, refused = 0, None
    for uid in list(dict.fromkeys(uids))[:AT_ONCE]:
        collected = gates.snapshot()
        try:
            with transaction.atomic():
                verb(uid)
                gates.settle()
            done += 1
        except (Invalid, Conflict, NotFound, Forbidden, PlanRefusal) as error:
            units.forget_reads()
            gates.roll_back(collected)
            refused = error
            if isinstance(error, PlanRefusal):
                break
    return done, refused
