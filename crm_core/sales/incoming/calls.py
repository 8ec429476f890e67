"""Events of telephony: a call of an unknown number becomes a lead; on a known contact it is a note, and a task for its owner where nobody answered.

Exchanges tell of one call several times: that it rings, that it was answered, that it ended, with the recording. They are
one lead, by the call's number; the later ones are put to it by a job.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from billing.held import services as held
from crm_core.engagement.notes import services as notes
from crm_core.engagement.tasks import services as tasks
from crm_core.engagement.tasks.models import TaskType
from crm_core.people import reaching
from crm_core.people.contacts.kind import CONTACT
from crm_core.people.contacts.models import Contact
from crm_platform.accounts import directory
from crm_platform.db import sides
from crm_platform.events.backbone import emit
from crm_platform.kernel import clock, jobs, workspace
from crm_platform.kernel.jobs import Again, Kind, Lease
from crm_platform.kernel.permissions import ActorKind, robot

from . import duplicates, making, reading_job, routing, taking
from .models import IncomingLead, LeadState
from .reading import Read, clean, phones_of

PHONE = robot("telephony", kind=ActorKind.INTEGRATION)
# States as exchanges write them, letters alone: "No Answer", "no_answer" and "NOANSWER" are one.
_MISSED = frozenset({"missed", "noanswer", "busy", "failed", "cancel", "cancelled", "canceled", "notanswered", "unanswered", "abandoned", "lost"})
# Of these a call is over, however long it was.
_ENDED = frozenset({"ended", "end", "hangup", "hungup", "completed", "complete", "finished", "finish", "disconnected", "disconnect", "terminated", "closed", "success", "successful", "ok"})
_ANSWERED = frozenset({"answered", "answer", "completed", "connected", "success", "successful", "ok", "inprogress"})
LATER = "incoming.call"
# Events of one call that wait for the job at once; what is older of more is left out.
_MOST_LATER = 50
# Where both are said, "id" is of the event and "call_id" of the call.
_NAMES = {
    "from": ("from", "caller", "caller_id", "src", "phone"), "to": ("to", "called", "callee", "dst", "line"), "direction": ("direction", "type"),
    "status": ("status", "callstatus", "call_status", "disposition", "result"), "duration": ("duration", "callduration", "billsec", "talk_time"),
    "recording": ("recording", "recording_url", "recordingurl", "record", "link"), "name": ("name", "caller_name", "callername"),
    "extension": ("extension", "ext", "internal", "internal_number", "internalnumber", "agent", "line"),
    "call_id": ("call_id", "callid", "callsid", "linkedid", "uniqueid", "id", "uuid"),
}  # fmt: skip


def told(said: Any) -> dict[str, str]:
    """A call by our names, whatever its sender calls them."""
    given = {str(name).lower(): value for name, value in said.items()} if isinstance(said, Mapping) else {}
    return {ours: next((clean(given[name])[:500] for name in theirs if given.get(name) not in (None, "")), "") for ours, theirs in _NAMES.items()}


def read(lead: IncomingLead) -> Read:
    """A call as a lead: the other side's number, whether it was missed."""
    call = lead.payload.get("said") or {}
    number = call.get("to" if is_outgoing(call) else "from", "")
    shown = [row for row in phones_of([number]) if reaching.keys_of([row], [])] if number else []
    found = Read(contents={"contacts": [{"name": call.get("name", ""), "phones": [number] if shown else [], "emails": []}]})
    found.metadata = marks_of(call)
    found.message = words(found.metadata)
    if found.metadata.get("recording"):
        found.contents["fields"] = [[_("Recording"), found.metadata["recording"]]]
    found.name = call.get("name", "")[:250] or (reaching.show_phone(shown[0]["number"]) if shown else _("Number withheld"))
    found.keys = reaching.keys_of(shown, [])
    return found


def is_outgoing(call: Mapping[str, Any]) -> bool:
    """Whether one of us calls."""
    return str(call.get("direction", "")).lower().startswith("out")


def is_missed(call: Mapping[str, Any]) -> bool:
    """Whether nobody took it, at the telephone that tells so."""
    return _is(call, _MISSED)


def is_answered(call: Mapping[str, Any]) -> bool:
    """Whether somebody took it."""
    return _is(call, _ANSWERED)


def is_over(call: Mapping[str, Any]) -> bool:
    """Whether nothing rings and nobody speaks any more: an exchange says how long a call was, and where its recording is, when it is over."""
    return is_missed(call) or _is(call, _ENDED) or str(call.get("duration") or "0") not in ("0", "0.0") or bool(call.get("recording"))


def _had_ended(told: Mapping[str, Any]) -> bool:
    """Whether an event, or a lead's marks, say that all of a call was over; missed at one telephone it may ring at the next."""
    return is_over(told) and not (is_missed(told) or told.get("missed"))


def _is(call: Mapping[str, Any], states: frozenset[str]) -> bool:
    return re.sub(r"[\W_]+", "", str(call.get("status", "")).lower()) in states


def marks_of(call: Mapping[str, Any]) -> dict[str, Any]:
    """What stands among a lead's marks of a call: the line, "missed", "answered" and "outgoing" where they are true, what else was said."""
    outgoing = is_outgoing(call)
    marks = {
        "to": call.get("from" if outgoing else "to", ""), "duration": call.get("duration", ""), "recording": call.get("recording", ""), "missed": is_missed(call),
        "answered": is_answered(call), "outgoing": outgoing,
    }  # fmt: skip
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
    tasks.add(PHONE, text=text, due_at=lead.due_at or tasks.end_of_day(timezone.localdate(clock.now())), all_day=lead.due_at is None, type=TaskType.CALL, responsible_id=_answers(contact, lead), entity="contact", record_id=contact.pk)


def _answers(contact: Contact, lead: IncomingLead) -> int | None:
    """Whose contact it is, else who answers for the source, else an owner: a call that nobody was to answer is not lost."""
    default = lead.source.settings.get("responsible") if lead.source is not None else None
    present, owners = routing.at_work(), sorted(person.pk for person in directory.owners())
    return next((pk for pk in (contact.responsible_id, default, *owners) if pk in present), None)


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


def note_later(pk: int, said: Mapping[str, str]) -> bool:
    """Keep a later event of a call that is a lead already, for the job; returns whether the call was over before. Inside a unit; the same event twice adds nothing."""
    lead = IncomingLead.objects.select_for_update(of=("self",)).get(pk=pk)
    over = any(_had_ended(one) for one in (lead.payload.get("said") or {}, lead.metadata, *lead.payload.get("later", ())))
    lead.payload = {**lead.payload, "later": [*lead.payload.get("later", []), {name: value for name, value in said.items() if value}][-_MOST_LATER:]}
    lead.save(update_fields=["payload"])
    jobs.later(LATER, pk, key=f"{LATER}:{pk}")
    return over


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
        told = [lead.payload.get("said") or {}, *later]
        answered = {"status": "answered"} if any(is_answered(one) for one in told) else {}
        lead.payload["said"] = {name: value for one in (*told, answered) for name, value in one.items() if value}
        lead.save(update_fields=["payload"])
        return
    before, now = lead.metadata, dict(lead.metadata)
    for one in later:
        now.update(marks_of({"direction": "out" if now.get("outgoing") else "", **one}))
    if now.get("answered"):  # of several telephones that rang one was taken: what the others tell is no missed call
        now.pop("missed", None)
    lead.metadata = now
    if _note_of(now) != _note_of(before):
        _say_later(lead, before)
        _tell_later(lead, before)
    lead.save(update_fields=["payload", "metadata", "message", "contents"])


def _say_later(lead: IncomingLead, before: Mapping[str, Any]) -> None:
    """On the lead itself: its message, and the recording among its fields."""
    old, new, recording = words(before), words(lead.metadata), lead.metadata.get("recording")
    if old != new:
        lead.message = lead.message.replace(old, new, 1) if old in lead.message else f"{lead.message}\n{new}".strip()
    if recording not in (None, before.get("recording")):
        lead.contents = {**lead.contents, "fields": [*lead.contents.get("fields", []), [_("Recording"), recording]]}


def _tell_later(lead: IncomingLead, before: Mapping[str, Any]) -> None:
    """As a note on the deal or the contact that the lead became, and as a task where nobody answered a known contact."""
    kind, record = making.became(lead)
    if record is not None:
        notes.add_many(PHONE, kind, [(record, _note_of(lead.metadata))])
        if isinstance(record, Contact) and lead.taken_by is None and _unanswered(lead.metadata) and not _unanswered(before):
            _promise(record, lead)
    emit(PHONE, "incoming.call_told", entity="incoming", record_id=lead.pk, after={"name": lead.name}, also=[f"{kind.code}:{record.pk}"] if record is not None else [])


reading_job.answer_form("call", read, instead=instead)
taking.told_often("call", number_of, note_later)
