"""A lead as it stands in the inbox: its sign, how long it waits, what is known of it."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _now
from django.utils.translation import ngettext

from crm_platform.accounts import directory
from crm_platform.ui.markup import figure

from . import facts, making
from .duplicates import Known
from .models import Category, IncomingLead

_ICONS = {
    Category.FORMS: "globe", Category.SIP: "phone-incoming", Category.MAIL: "mail", Category.CHATS: "message-square", Category.API: "plug-zap", Category.WEBHOOK: "zap",
}  # fmt: skip

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


def fields(lead: IncomingLead) -> list[tuple[str, str]]:
    """What else it says, but for the recording of a call, which stands among its facts and opens there."""
    recording = facts.recording_of(lead.metadata) if lead.category == Category.SIP else ""
    return [(label, text) for label, text in making.fields_of(lead) if not recording or text != recording]
