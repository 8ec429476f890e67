"""A lead as it stands in the inbox: its sign, how long it waits, what is known of it."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from crm_platform.accounts import directory
from crm_platform.ui.markup import figure

from . import making
from .duplicates import Known
from .models import Category, IncomingLead
from .reading import clean

_ICONS = {
    Category.FORMS: "globe", Category.SIP: "phone-incoming", Category.MAIL: "mail", Category.CHATS: "message-square", Category.API: "plug-zap", Category.WEBHOOK: "zap",
}  # fmt: skip
# What is said of where it came from, in this order, under these names; the rest of its marks is for programs.
_TOLD = (
    ("utm_source", _("Campaign source")), ("utm_medium", _("Campaign medium")), ("utm_campaign", _("Campaign")), ("utm_content", _("Campaign content")),
    ("utm_term", _("Campaign term")), ("page", _("Page")), ("referrer", _("Referrer")), ("client_id", _("Visitor number")), ("to", _("Called number or address")),
)  # fmt: skip
# The same of a call or a form that came by the API, in its words.
_TOLD_BY_API = (
    ("source_name", _("Source")), ("form_name", _("Form")), ("form_page", _("Page")), ("referer", _("Referrer")), ("from", _("Call from")), ("phone", _("Phone")),
)  # fmt: skip
# Moments a program can mean: what lies beyond is no moment, and no calendar holds all of it.
_LAST_MOMENT = int(datetime(2200, 1, 1, tzinfo=UTC).timestamp())
_SECONDS = re.compile(r"[0-9]{1,8}(\.[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Row:
    """A lead of the list. `wait` is how long it waits in words, `late` whether its answer is overdue."""

    lead: IncomingLead
    icon: str
    initials: str
    hue: int
    wait: str
    late: bool
    known: Known
    responsible: Any


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is known of a lead; with `at` it is a moment, with `href` it opens."""

    label: str
    text: str
    at: datetime | None = None
    href: str = ""


def rows(leads: Sequence[IncomingLead], known: Mapping[int, Known], *, now: datetime) -> list[Row]:
    """The leads of a page as they are drawn."""
    return [row(lead, known.get(lead.pk) or Known(), now=now) for lead in leads]


def row(lead: IncomingLead, known: Known, *, now: datetime) -> Row:
    """One of them."""
    initials = "".join(word[0] for word in lead.name.split()[:2] if word[0].isalpha()).upper() or "?"
    hue = zlib.crc32(lead.name.encode()) % 8 + 1 if initials != "?" else 1
    return Row(lead, icon_of(lead), initials, hue, pause((lead.decided_at or now) - lead.received_at), lead.late(now), known, directory.everyone().get(lead.responsible_id or 0))


def icon_of(lead: IncomingLead) -> str:
    """The sign of how it came."""
    if lead.category == Category.SIP and lead.metadata.get("missed"):
        return "phone-missed"
    return _ICONS.get(Category(lead.category), "inbox")


def pause(passed: Any) -> str:
    """A stretch of time in one word and a figure."""
    minutes = max(0, int(passed.total_seconds()) // 60)
    if minutes < 60:
        return _now("%(n)s min") % {"n": minutes}
    if minutes < 48 * 60:
        return _now("%(n)s h") % {"n": minutes // 60}
    return ngettext("%(days)d d", "%(days)d d", minutes // 1440) % {"days": minutes // 1440}


def heading(figures: Mapping[str, Any], *, now: datetime) -> str:
    """How many wait, and since when: beside the page's name."""
    if not figures["waiting"]:
        return ""
    return ngettext("%(n)s waits, for %(since)s", "%(n)s wait, the oldest for %(since)s", figures["waiting"]) % {"n": figure(figures["waiting"]), "since": pause(now - figures["oldest"])}


def told(lead: IncomingLead) -> list[Fact]:
    """Where it came from, as facts."""
    by_api = _TOLD_BY_API if lead.category in (Category.FORMS, Category.SIP) else ()
    # The source's own name stands above already.
    known = {("source_name", lead.source.name)} if lead.source is not None else set[tuple[str, str]]()
    facts = [Fact(str(label), text) for name, label in (*_TOLD, *by_api) if (text := clean(lead.metadata.get(name))) and (name, text) not in known]
    if lead.category == Category.SIP:
        facts += _of_call(lead.metadata)
    if left_out := clean(lead.metadata.get("fields_left_out")):
        facts.append(Fact(_now("Further fields left out"), left_out))
    consent = lead.contents.get("consent") or {}
    if consent.get("text"):
        facts.append(Fact(_now("Agreed to"), _now("%(text)s (version %(version)s)") % {"text": consent["text"], "version": consent.get("version", 1)}))
    return facts


def fields(lead: IncomingLead) -> list[tuple[str, str]]:
    """What else it says, but for the recording of a call, which stands among its facts and opens there."""
    recording = _recording(lead.metadata) if lead.category == Category.SIP else ""
    return [(label, text) for label, text in making.fields_of(lead) if not recording or text != recording]


def _of_call(marks: Mapping[str, Any]) -> Iterator[Fact]:
    if text := clean(marks.get("called_at")):
        yield Fact(_now("Time of the call"), text, at=_moment(text))
    if text := clean(marks.get("duration")):
        yield Fact(_now("Rang for") if marks.get("missed") else _now("Duration"), _stretch(text))
    if text := _recording(marks):
        yield Fact(_now("Recording"), text, href=text if _opens(text) else "")


def _recording(marks: Mapping[str, Any]) -> str:
    return clean(marks.get("recording")) or clean(marks.get("link"))


def _moment(text: str) -> datetime | None:
    """Seconds since 1970, as the API writes moments; None for what is none."""
    seconds = int(text) if text.isascii() and text.isdigit() and len(text) < 12 else 0
    return datetime.fromtimestamp(seconds, UTC) if 0 < seconds < _LAST_MOMENT else None


def _stretch(text: str) -> str:
    """Seconds in words; what is no number stays as it was said."""
    if not _SECONDS.fullmatch(text):
        return text
    minutes, seconds = divmod(round(float(text)), 60)
    return _now("%(minutes)s min %(seconds)s s") % {"minutes": minutes, "seconds": seconds} if minutes else _now("%(seconds)s s") % {"seconds": seconds}


def _opens(text: str) -> bool:
    """Whether it is an address a browser may be sent to: anyone can write into a lead, scripts too."""
    try:
        address = urlsplit(text)
        return address.scheme in ("http", "https") and bool(address.hostname)
    except ValueError:
        return False
