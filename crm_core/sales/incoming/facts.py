"""What is known of a lead beside what it says: where it came from, and of a call when it was, how long, and where its recording is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from crm_platform.kernel import reading

from .models import Category, IncomingLead
from .reading import clean

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
class Fact:
    """One thing that is known of a lead; with `at` it is a moment, with `href` it opens."""

    label: str
    text: str
    at: datetime | None = None
    href: str = ""


def told(lead: IncomingLead) -> list[Fact]:
    """Where it came from, as facts."""
    facts = [*_named(lead, _TOLD), *_of_api(lead)]
    if lead.category == Category.SIP:
        facts += _of_call(lead.metadata)
    if left_out := clean(lead.metadata.get("fields_left_out")):
        facts.append(Fact(_now("Further fields left out"), left_out))
    consent = lead.contents.get("consent") or {}
    if consent.get("text"):
        facts.append(Fact(_now("Agreed to"), _now("%(text)s (version %(version)s)") % {"text": consent["text"], "version": consent.get("version", 1)}))
    return facts


def lines(lead: IncomingLead) -> list[str]:
    """What the API said of a call, as a note keeps it: of calls by an exchange the message and the fields say it."""
    if lead.category != Category.SIP or lead.payload.get("form") == "call":
        return []
    return [f"{fact.label}: {date_format(timezone.localtime(fact.at), 'j E Y H:i') if fact.at else fact.text}" for fact in (*_of_api(lead), *_of_call(lead.metadata))]


def _named(lead: IncomingLead, names: Iterable[tuple[str, Any]]) -> Iterator[Fact]:
    # The source's own name stands above already.
    known = {("source_name", lead.source.name)} if lead.source is not None else set[tuple[str, str]]()
    for name, label in names:
        if (text := clean(lead.metadata.get(name))) and (name, text) not in known:
            yield Fact(str(label), text)


def _of_api(lead: IncomingLead) -> Iterator[Fact]:
    return _named(lead, _TOLD_BY_API if lead.category in (Category.FORMS, Category.SIP) else ())


def _of_call(marks: Mapping[str, Any]) -> Iterator[Fact]:
    if text := clean(marks.get("called_at")):
        yield Fact(_now("Time of the call"), text, at=_moment(text))
    if text := clean(marks.get("duration")):
        yield Fact(_now("Rang for") if marks.get("missed") else _now("Duration"), _stretch(text))
    if text := recording_of(marks):
        yield Fact(_now("Recording"), text, href=text if _opens(text) else "")


def recording_of(marks: Mapping[str, Any]) -> str:
    """Where the recording of a call is, by the exchange's mark or the API's; "" without one."""
    return clean(marks.get("recording")) or clean(marks.get("link"))


def _moment(text: str) -> datetime | None:
    """Seconds since 1970, as the API writes moments; None for what is none."""
    seconds = reading.whole(text)
    return datetime.fromtimestamp(seconds, UTC) if seconds and seconds < _LAST_MOMENT else None


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
