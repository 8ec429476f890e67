"""Events of telephony: a call of an unknown number becomes a lead; on a known contact it is a note, and a task for its owner where nobody answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from crm_core.engagement.notes import services as notes
from crm_core.engagement.tasks import services as tasks
from crm_core.engagement.tasks.models import TaskType
from crm_core.people import reaching
from crm_core.people.contacts.kind import CONTACT
from crm_core.people.contacts.models import Contact
from crm_platform.kernel import clock
from crm_platform.kernel.permissions import ActorKind, robot

from . import duplicates, reading_job, routing
from .models import IncomingLead, LeadState
from .reading import Read, clean, phones_of

PHONE = robot("telephony", kind=ActorKind.INTEGRATION)
_MISSED = frozenset({"missed", "no answer", "noanswer", "no_answer", "busy", "failed", "cancelled", "canceled", "not answered"})
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
    outgoing = str(call.get("direction", "")).lower().startswith("out")
    number, line = (call.get("to", ""), call.get("from", "")) if outgoing else (call.get("from", ""), call.get("to", ""))
    shown = [row for row in phones_of([number]) if reaching.keys_of([row], [])] if number else []
    missed = str(call.get("status", "")).lower() in _MISSED
    found = Read(contents={"contacts": [{"name": call.get("name", ""), "phones": [number] if shown else [], "emails": []}]})
    marks = {"to": line, "duration": call.get("duration", ""), "recording": call.get("recording", ""), "missed": missed, "outgoing": outgoing}
    found.metadata = {name: value for name, value in marks.items() if value not in ("", False)}
    found.message = words(found.metadata)
    if found.metadata.get("recording"):
        found.contents["fields"] = [[_("Recording"), found.metadata["recording"]]]
    found.name = call.get("name", "")[:250] or (reaching.show_phone(shown[0]["number"]) if shown else _("Number withheld"))
    found.keys = reaching.keys_of(shown, [])
    return found


def words(marks: Mapping[str, Any]) -> str:
    """A call in a sentence."""
    seconds, line = marks.get("duration") or "0", marks.get("to") or "–"
    if marks.get("outgoing"):
        return _("Outgoing call, not answered, from %(line)s.") % {"line": line} if marks.get("missed") else _("Outgoing call of %(seconds)s s from %(line)s.") % {"seconds": seconds, "line": line}
    return _("Missed call to %(line)s, rang %(seconds)s s.") % {"line": line, "seconds": seconds} if marks.get("missed") else _("Call of %(seconds)s s to %(line)s.") % {"line": line, "seconds": seconds}


def instead(lead: IncomingLead) -> bool:
    """A call with a known contact does not wait: it stands on the contact, and a missed one is a task for whoever is responsible."""
    contact = duplicates.owner_of(lead)
    if contact is None:
        return bool(lead.metadata.get("outgoing")) and _closed(lead)
    notes.add_many(PHONE, CONTACT, [(contact, "\n".join(filter(None, [lead.message, str(lead.metadata.get("recording", ""))])))])
    if lead.metadata.get("missed") and not lead.metadata.get("outgoing"):
        _promise(contact, lead)
    lead.state, lead.contact_id, lead.decided_at = LeadState.LINKED, contact.pk, clock.now()
    return True


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


reading_job.answer_form("call", read, instead=instead)
