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

from crm_platform.db import sides
from crm_platform.kernel.errors import CrmError, Forbidden, NotFound
from tenants import routing
from webhooks.inbound.sources import Source

from . import bodies, door, reading, reading_job
from .models import Category, IncomingLead, SourceKind

_log = logging.getLogger("kartoteka.incoming")
LARGEST = 25 * 1024 * 1024
_TAG, _BLOCK = re.compile(r"<[^>]+>"), re.compile(r"<(script|style|head)\b.*?</\1>", re.IGNORECASE | re.DOTALL)
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
        return door.keep(source, said, delivery, category=Category.MAIL, form="mail", sender_key=f"mail:{hashlib.sha256(number.encode(errors='replace')).hexdigest()[:60]}")


def told(raw: bytes) -> tuple[dict[str, Any], list[tuple[str, bytes]]]:
    """What a letter says, and what is attached to it, within bounds. One that cannot be taken apart is a text."""
    try:
        letter = email.message_from_bytes(raw[:LARGEST], policy=email.policy.default)
        name, address = parseaddr(str(letter.get("Reply-To") or letter.get("From") or ""))
        sender, from_address = parseaddr(str(letter.get("From") or ""))
        said = {"name": name or sender, "email": address or from_address, "title": str(letter.get("Subject") or ""), "message": _text(letter), "number": str(letter.get("Message-ID") or "")}
        return {key: bodies.plain(value)[: 20_000 if key == "message" else 500] for key, value in said.items()}, _attached(letter)
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
    words = unescape(_TAG.sub("", _BREAK.sub("\n", _BLOCK.sub("", html))))
    return "\n".join(line.strip() for line in words.splitlines() if line.strip())


def _attached(letter: Message) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for part in letter.iter_attachments() if isinstance(letter, EmailMessage) else ():
        content = part.get_payload(decode=True)
        if isinstance(content, bytes) and content and len(content) <= bodies.LARGEST_FILE and len(found) < bodies.MOST_FILES:
            found.append((bodies.plain(part.get_filename() or "file")[:200], content))
    return found


def read(lead: IncomingLead) -> reading.Read:
    """A letter as a lead: whoever wrote it, its subject, its words; a phone in the words is found too."""
    said = lead.payload.get("said") or {}
    rows = [("name", "", "name", said.get("name")), ("email", "", "email", said.get("email")), ("title", "", "title", said.get("title")), ("message", "", "message", said.get("message"))]
    phone = re.search(r"\+\d[\d\s().\-]{7,18}\d", str(said.get("message") or ""))
    found = reading.from_fields([*rows, *([("phone", "", "phone", phone.group())] if phone else [])])
    reading.finish(found)
    if lead.payload.get("files"):
        found.contents["files"] = lead.payload["files"]
    return found


reading_job.answer_form("mail", read)
