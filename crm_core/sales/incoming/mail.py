"""Letters that become leads: by a mail provider's signed post of the raw letter, and from the mailbox of the embedded run."""

from __future__ import annotations

import email
import email.policy
import hashlib
import hmac
import logging
import re
from collections.abc import Iterable, Mapping
from email.message import EmailMessage, Message
from email.utils import getaddresses, parseaddr
from html import unescape
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile, File
from django.utils.translation import gettext as _

from crm_core.engagement.notes import services as notes
from crm_core.groundwork.attachments import services as attachments
from crm_platform.db import sides
from crm_platform.kernel import clock
from crm_platform.kernel.errors import CrmError, Forbidden, NotFound
from tenants import routing
from webhooks.inbound.sources import Source

from . import bodies, door, making, reading, reading_job
from .models import Category, IncomingLead, LeadState, SourceKind

_log = logging.getLogger("kartoteka.incoming")
LARGEST = 25 * 1024 * 1024
_TAG, _BLOCK = re.compile(r"<[^>]+>"), re.compile(r"<(script|style|head)\b.*?</\1>", re.IGNORECASE | re.DOTALL)
# Cells of a table stand apart, so that a label and its value can be told.
_CELL = re.compile(r"</t[dh]>\s*<t[dh]\b[^>]*>", re.IGNORECASE)
_LINE = re.compile(r"([^:\t]{1,40})(?::\t*[ \t]+|\t+)(\S.*)")
_PERSON = frozenset({"name", "first_name", "last_name", "phone", "email", "company"})
_LONGEST, _MOST_OF_THREAD, _MOST_LINES = 20_000, 30, 150
_BREAK = re.compile(r"<(br|/p|/div|/tr|/li)\b[^>]*>", re.IGNORECASE)


def check(headers: Mapping[str, str], body: bytes) -> None:
    """Raise unless one of the secrets signed the letter; without secrets nobody may post letters."""
    if not settings.CRM_MAIL_IN_SECRETS:
        raise NotFound
    given = headers.get("X-Signature", "").strip().lower().removeprefix("sha256=")
    made = [hmac.new(secret.encode(), body, hashlib.sha256).hexdigest() for secret in settings.CRM_MAIL_IN_SECRETS]
    if not any(hmac.compare_digest(given.encode(errors="replace"), one.encode()) for one in made):
        raise Forbidden(right="mail")


def identify(headers: Mapping[str, str], body: bytes) -> str:
    """The letter to this reader: the same letter to another is another."""
    return f"{headers.get('X-Recipient', '')}:{hashlib.sha256(body).hexdigest()}"


def handle(headers: Mapping[str, str], body: bytes) -> None:
    """Make a lead at each of our addresses that it goes to; an address that is nobody's is noted and dropped."""
    for recipient in _recipients(headers, body):
        try:
            deliver(recipient, body)
        except NotFound:
            _log.info("a letter to no source", extra={"digest": hashlib.sha256(body).hexdigest()})


SOURCE = Source("mail", check=check, identify=identify, handle=handle, largest=LARGEST, forgets=True)


def _recipients(headers: Mapping[str, str], body: bytes) -> list[str]:
    told = [headers.get("X-Recipient", "")]
    if not told[0]:
        letter = email.message_from_bytes(body)
        told = [str(value) for name in ("Delivered-To", "X-Original-To", "To", "Cc") for value in letter.get_all(name, [])]
    return ours(address for _name, address in getaddresses(told))


def ours(addresses: Iterable[str]) -> list[str]:
    """The addresses at our host, each once."""
    ending = f"@{settings.CRM_MAIL_IN_HOST}".lower()
    return list(dict.fromkeys(address.lower() for address in addresses if address.lower().endswith(ending)))


def arrived(raw: bytes, recipients: Iterable[str]) -> None:
    """Answer to `letters.arriving`: a letter was put into the mailbox of the embedded run."""
    for recipient in ours(recipients):
        try:
            deliver(recipient, raw)
        except CrmError as error:
            _log.info("a letter became no lead", extra={"code": error.code})


def deliver(recipient: str, raw: bytes, *, probe: bool = False) -> IncomingLead:
    """Make a lead of a raw letter. Raises NotFound for an address that is no source's. Opens a unit of the workspace."""
    secret, _dot, public_id = recipient.partition("@")[0].partition(".")
    if not secret or not public_id:
        raise NotFound
    said, attached = told(raw)
    place = routing.believe(public_id)
    with sides.unit(place):
        source = door.source_of(place, f"{public_id}.{secret}")
        if source.kind != SourceKind.MAIL:
            raise NotFound
        files: list[File[Any]] = [ContentFile(content, name=name) for name, content in attached]
        delivery = door.Delivery(said=said, metadata={"to": recipient}, files=files, probe=probe)
        number = str(said.get("number") or "") or hashlib.sha256(raw).hexdigest()
        return door.keep(source, said, delivery, category=Category.MAIL, form="mail", sender_key=_key(number))


def _key(number: str) -> str:
    """What makes a letter once, of its Message-ID: by it later letters find it too."""
    return f"mail:{hashlib.sha256(number.strip().encode(errors='replace')).hexdigest()[:60]}"


def told(raw: bytes) -> tuple[dict[str, Any], list[tuple[str, bytes]]]:
    """What a letter says, and what is attached to it, within bounds. One that cannot be taken apart is a text."""
    try:
        letter = email.message_from_bytes(raw[:LARGEST], policy=email.policy.default)
        name, address = parseaddr(str(letter.get("Reply-To") or letter.get("From") or ""))
        sender, from_address = parseaddr(str(letter.get("From") or ""))
        said = {"name": name or sender, "email": address or from_address, "title": str(letter.get("Subject") or ""), "message": _text(letter), "number": str(letter.get("Message-ID") or "")}
        said |= {"sender": str(letter.get("From") or ""), "reply_to": address if letter.get("Reply-To") else ""}
        thread = re.findall(r"<[^<>\s]{1,500}>", f"{letter.get('References') or ''} {letter.get('In-Reply-To') or ''}")
        plain = {key: bodies.plain(value)[: _LONGEST if key == "message" else 500] for key, value in said.items()}
        return {**plain, **({"thread": list(dict.fromkeys(map(_key, [thread[0], *thread[-_MOST_OF_THREAD:]])))} if thread else {})}, _attached(letter)
    except Exception:  # broad: the standard parser raises whatever a broken letter leads it to; it becomes a lead all the same
        _log.info("a letter could not be taken apart", exc_info=True)
        return {"message": bodies.plain(raw[:5000].decode(errors="replace"))}, []


def _text(letter: Message) -> str:
    body = letter.get_body(preferencelist=("plain", "html")) if isinstance(letter, EmailMessage) else None
    if body is None:
        return ""
    try:
        content = str(body.get_content())
    except (LookupError, ValueError):
        payload = body.get_payload(decode=True)
        content = payload.decode(errors="replace") if isinstance(payload, bytes) else str(payload)
    return _plain(content) if body.get_content_type() == "text/html" else content.strip()


def _plain(html: str) -> str:
    words = unescape(_TAG.sub("", _BREAK.sub("\n", _CELL.sub("\t", _BLOCK.sub("", html)))))
    return "\n".join(line.strip() for line in words.splitlines() if line.strip())


def _attached(letter: Message) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for part in letter.iter_attachments() if isinstance(letter, EmailMessage) else ():
        content = part.get_payload(decode=True)
        if isinstance(content, bytes) and content and len(content) <= bodies.LARGEST_FILE and len(found) < bodies.MOST_FILES:
            found.append((bodies.plain(part.get_filename() or "file")[:200], content))
    return found


def read(lead: IncomingLead) -> reading.Read:
    """A letter as a lead: whoever wrote it, its subject, its words; a phone in the words is found too.

    Where a site has written it, in lines of "Name: Ada", the lead is whoever those lines name.
    """
    said = lead.payload.get("said") or {}
    message, filled = str(said.get("message") or ""), _filled(str(said.get("message") or ""))
    roles = {role for _label, role, _value in filled}
    rows: list[tuple[str, str, str, Any]] = [(label, label, role, value) for label, role, value in filled]
    if "name" not in roles and "first_name" not in roles:
        rows.append(("name", "", "name", said.get("name")))
    rows += [("title", "", "title", said.get("title")), ("message", "", "message", message)]
    if filled:  # the sender is the site, and the same for everyone: known by it are all or nobody
        rows += [("email", "", "email", said.get("reply_to")), ("sender", _("Sender"), "other", said.get("sender"))]
    else:
        rows.append(("email", "", "email", said.get("email")))
    phone = re.search(r"\+\d[\d\s().\-]{7,18}\d", message) if "phone" not in roles else None
    found = reading.from_fields([*rows, *([("phone", "", "phone", phone.group())] if phone else [])])
    found.message = message or found.message  # whole: a letter is longer than a field
    reading.finish(found)
    found.contents |= {name: given for name, given in (("files", lead.payload.get("files")), ("thread", said.get("thread"))) if given}
    return found


def _filled(message: str) -> list[tuple[str, str, str]]:
    """Label, role and value of the lines of a form that a site has sent by mail; nothing of a letter that a person wrote."""
    lines = [found.groups() for line in message.splitlines() if (found := _LINE.fullmatch(line.strip()))]
    rows = [(label.strip(), _role(label, value), value.strip()) for label, value in lines[:_MOST_LINES]]
    named = {role for _label, role, _value in rows} & _PERSON
    return rows if len(named) > 1 or named & {"phone", "email"} else []


def _role(label: str, value: str) -> str:
    """By the label alone: an address behind another word ("To: us@firm.example") is nobody's who asks."""
    role = reading.role_of(label, value)
    return role if role == "mark" or (role in _PERSON and role == reading.named(label)) else "other"


def joined(lead: IncomingLead) -> bool:
    """A letter that goes on with one that is here is put to it, or onto what that became; it does not wait by itself."""
    keys = lead.contents.pop("thread", [])
    first = _first(lead, keys) if keys else None
    if first is None:
        return False
    words = lead.message if lead.name == first.name else f"{lead.name}: {lead.message}"
    if first.state == LeadState.WAITING:
        first.message = f"{first.message}\n\n{words}"[:_LONGEST]
        if lead.contents.get("files"):
            first.contents["files"] = [*first.contents.get("files", []), *lead.contents["files"]]
        first.save(update_fields=["message", "contents"])
        attachments.carry(reading_job.INTAKE, entity="incoming", pk=lead.pk, to="incoming", to_pk=first.pk)
        lead.state, lead.reason = LeadState.MERGED, f"#{first.uid}"
    else:
        kind, record = making.became(first)
        if record is None:
            return False
        if words.strip():
            notes.add_many(reading_job.INTAKE, kind, [(record, words[: notes.LONGEST])])
        attachments.carry(reading_job.INTAKE, entity="incoming", pk=lead.pk, to=kind.code, to_pk=record.pk)
        lead.state, lead.deal_id, lead.contact_id = LeadState.LINKED, first.deal_id, first.contact_id
    lead.decided_at = clock.now()
    return True


def _first(lead: IncomingLead, keys: list[str]) -> IncomingLead | None:
    """The lead of the earliest letter of a thread, locked; one that was declined is over, and one that is not read yet is another lead."""
    rows = IncomingLead.objects.select_for_update(of=("self",)).filter(source=lead.source_id, probe=False).exclude(pk=lead.pk).exclude(read_at=None)
    found = rows.filter(sender_key__in=keys).order_by("pk").first()
    if found is not None and found.state == LeadState.MERGED and found.reason.startswith("#"):
        found = rows.filter(uid=found.reason[1:]).first()
    return found


reading_job.answer_form("mail", read, instead=joined, follows=lambda said: said.get("thread") or () if isinstance(said, dict) else ())
