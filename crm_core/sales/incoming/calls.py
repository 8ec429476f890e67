"""Events of telephony: a call of an unknown number becomes a lead; on a known contact it is a note, and a task for its owner where nobody answered.

Exchanges tell of one call several times: that it rings, that it was answered, that it ended, with the recording. They are
one lead, by the call's number; the later ones are put to it by a job.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from billing.held import services as held
from crm_core.engagement.notes import services as notes
from crm_core.engagement.tasks import services as tasks
from crm_core.engagement.tasks.models import TaskType
from crm_core.people import reaching
from crm_core.people.contacts.kind import CONTACT
from crm_core.people.contacts.models import Contact
from crm_core.sales.deals.kind import DEAL
from crm_platform.db import sides
from crm_platform.events.backbone import emit
from crm_platform.kernel import clock, jobs, workspace
from crm_platform.kernel.jobs import Again, Kind, Lease
from crm_platform.kernel.permissions import ActorKind, robot

from . import duplicates, reading_job, routing
from .models import IncomingLead, LeadState
from .reading import Read, clean, phones_of

PHONE = robot("telephony", kind=ActorKind.INTEGRATION)
_MISSED = frozenset({"missed", "no answer", "noanswer", "no_answer", "busy", "failed", "cancelled", "canceled", "not answered"})
_ANSWERED = frozenset({"answered", "answer", "completed", "connected", "success", "successful", "ok", "in-progress"})
LATER = "incoming.call"
# Events of one call that wait for the job at once; what is older of more is left out.
_MOST_LATER = 50
_NAMES = {
    "from": ("from", "caller", "caller_id", "src", "phone"), "to": ("to", "called", "callee", "dst", "line"), "direction": ("direction", "type"), "status": ("status", "disposition", "result"),
    "duration": ("duration", "billsec", "talk_time"), "recording": ("recording", "recording_url", "record", "link"), "name": ("name", "caller_name"), "call_id": ("id", "call_id", "uuid", "uniqueid"),
}  # fmt: skip


def told(said: Any) -> dict[str, str]:
    """A call by our names, whatever its sender calls them."""
    given = said if isinstance(said, Mapping) else {}
    return {ours: next((clean(given[name])[:500] for name in theirs if given.get(name) not in (None, "")), "") for ours, theirs in _NAMES.items()}


def read(lead: IncomingLead) -> Read:
    """A call as a lead: the other side's number, whether it was missed."""
    call = lead.payload.get("said") or {}
    number = call.get("to" if _outgoing(call) else "from", "")
    shown = [row for row in phones_of([number]) if reaching.keys_of([row], [])] if number else []
    found = Read(contents={"contacts": [{"name": call.get("name", ""), "phones": [number] if shown else [], "emails": []}]})
    found.metadata = _marks(call)
    found.message = words(found.metadata)
    if found.metadata.get("recording"):
        found.contents["fields"] = [[_("Recording"), found.metadata["recording"]]]
    found.name = call.get("name", "")[:250] or (reaching.show_phone(shown[0]["number"]) if shown else _("Number withheld"))
    found.keys = reaching.keys_of(shown, [])
    return found


def _outgoing(call: Mapping[str, Any]) -> bool:
    return str(call.get("direction", "")).lower().startswith("out")


def _marks(call: Mapping[str, Any]) -> dict[str, Any]:
    """What stands among a lead's marks of a call: the line, "missed" and "outgoing" where they are true, what else was said."""
    outgoing = _outgoing(call)
    marks = {"to": call.get("from" if outgoing else "to", ""), "duration": call.get("duration", ""), "recording": call.get("recording", ""), "missed": str(call.get("status", "")).lower() in _MISSED, "outgoing": outgoing}
    return {name: value for name, value in marks.items() if value not in ("", False)}


def words(marks: Mapping[str, Any]) -> str:
    """A call in a sentence."""
    seconds, line = marks.get("duration") or "0", marks.get("to") or "–"
    if not marks.get("duration") and not marks.get("missed"):  # it rings yet, or nobody said for how long
        return _("Outgoing call from %(line)s.") % {"line": line} if marks.get("outgoing") else _("Call to %(line)s.") % {"line": line}
    if marks.get("outgoing"):
        return _("Outgoing call, not answered, from %(line)s.") % {"line": line} if marks.get("missed") else _("Outgoing call of %(seconds)s s from %(line)s.") % {"seconds": seconds, "line": line}
    return _("Missed call to %(line)s, rang %(seconds)s s.") % {"line": line, "seconds": seconds} if marks.get("missed") else _("Call of %(seconds)s s to %(line)s.") % {"line": line, "seconds": seconds}


def instead(lead: IncomingLead) -> bool:
    """A call with a known contact does not wait: it stands on the contact, and a missed one is a task for whoever is responsible."""
    contact = duplicates.owner_of(lead)
    if contact is None:
        return bool(lead.metadata.get("outgoing")) and _closed(lead)
    notes.add_many(PHONE, CONTACT, [(contact, _note_of(lead.metadata))])
    if _unanswered(lead.metadata):
        _promise(contact, lead)
    lead.state, lead.contact_id, lead.decided_at = LeadState.LINKED, contact.pk, clock.now()
    return True


def _note_of(marks: Mapping[str, Any]) -> str:
    return "\n".join(filter(None, [words(marks), str(marks.get("recording", ""))]))


def _unanswered(marks: Mapping[str, Any]) -> bool:
    return bool(marks.get("missed")) and not marks.get("outgoing")


def _promise(contact: Contact, lead: IncomingLead) -> None:
    text = (_("Call back: %(name)s") % {"name": contact.name})[:500]
    tasks.add(PHONE, text=text, due_at=lead.due_at or tasks.end_of_day(clock.now().date()), all_day=lead.due_at is None, type=TaskType.CALL, responsible_id=_answers(contact, lead), entity="contact", record_id=contact.pk)


def _answers(contact: Contact, lead: IncomingLead) -> int | None:
    default = lead.source.settings.get("responsible") if lead.source is not None else None
    return next((pk for pk in (contact.responsible_id, default) if pk in routing.at_work()), None)


def _closed(lead: IncomingLead) -> bool:
    """One of us called a number that nobody knows: nothing waits for an answer."""
    lead.state, lead.decided_at = LeadState.DECLINED, clock.now()
    return True


# What is told of a call afterwards.


def number_of(said: Mapping[str, str]) -> str:
    """What makes all that is told of a call one lead: "" for a call without a number of its own. While the workspace is not open each event is kept by itself."""
    if not said["call_id"]:
        return ""
    parts = [said["call_id"], *(sorted(said.items()) if held.is_held() else ())]
    return f"call:{hashlib.sha256(repr(parts).encode(errors='replace')).hexdigest()[:60]}"


def note_later(pk: int, said: Mapping[str, str]) -> None:
    """Keep a later event of a call that is a lead already, for the job. Inside a unit; the same event twice adds nothing."""
    lead = IncomingLead.objects.select_for_update(of=("self",)).get(pk=pk)
    lead.payload = {**lead.payload, "later": [*lead.payload.get("later", []), {name: value for name, value in said.items() if value}][-_MOST_LATER:]}
    lead.save(update_fields=["payload"])
    jobs.later(LATER, pk, key=f"{LATER}:{pk}")


@jobs.register(LATER, kind=Kind.PROMPT)
def went_on(pk: int, *, lease: Lease) -> Again | None:
    """Put what was told of a call later onto its lead, and onto what the lead became."""
    with sides.unit(workspace.here()):
        lease.beat()
        lead = IncomingLead.objects.select_for_update(of=("self",)).select_related("source").filter(pk=pk).first()
        if lead is not None and (later := lead.payload.pop("later", [])):
            _put_later(lead, later)
    return None


def _put_later(lead: IncomingLead, later: list[dict[str, str]]) -> None:
    if lead.read_at is None:  # whoever reads it reads all of it
        lead.payload["said"] = {name: value for one in (lead.payload.get("said") or {}, *later) for name, value in one.items() if value}
        lead.save(update_fields=["payload"])
        return
    before, now = lead.metadata, dict(lead.metadata)
    for one in later:
        if one.get("status", "").lower() in _ANSWERED:
            now.pop("missed", None)
        now.update(_marks(one))
    if now != before:
        old, new = words(before), words(now)
        lead.message = lead.message.replace(old, new, 1) if old in lead.message else f"{lead.message}\n{new}".strip()
        if now.get("recording") not in (None, before.get("recording")):
            lead.contents = {**lead.contents, "fields": [*lead.contents.get("fields", []), [_("Recording"), now["recording"]]]}
        lead.metadata = now
        _tell_later(lead, before)
    lead.save(update_fields=["payload", "metadata", "message", "contents"])


def _tell_later(lead: IncomingLead, before: Mapping[str, Any]) -> None:
    """As a note on the deal or the contact that the lead became, and as a task where nobody answered a known contact."""
    kind, pk = (DEAL, lead.deal_id) if lead.deal_id is not None else (CONTACT, lead.contact_id)
    record = kind.model.objects.filter(pk=pk, binned_at=None).first() if pk is not None else None
    if record is not None:
        notes.add_many(PHONE, kind, [(record, _note_of(lead.metadata))])
        if isinstance(record, Contact) and lead.taken_by is None and _unanswered(lead.metadata) and not _unanswered(before):
            _promise(record, lead)
    emit(PHONE, "incoming.call_told", entity="incoming", record_id=lead.pk, after={"name": lead.name}, also=[f"{kind.code}:{pk}"] if record is not None else [])


reading_job.answer_form("call", read, instead=instead)
