"""Taking in, and opening."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from crm_platform.db import sides
from crm_platform.events.backbone import emit
from crm_platform.kernel import access, clock, jobs, sealing, workspace
from crm_platform.kernel.access import Act, Level
from crm_platform.kernel.errors import Invalid
from crm_platform.kernel.jobs import Again, Lease
from crm_platform.kernel.permissions import robot
from crm_platform.kernel.workspace import Place

from .models import HeldLead

_log = logging.getLogger("kartoteka.billing")
INTAKE = robot("intake")
OPEN = "held.open"
LARGEST = 256 * 1024
AT_ONCE = 50
# Who makes a lead of what is opened: `(source, payload, received_at)`, in the unit of the opening. Nobody: the event alone tells of it.
Taker = Callable[[str, Mapping[str, Any], datetime], None]
_taker: Taker | None = None


class LeadTooLarge(Invalid):
    """More than anybody writes into a form."""

    code, status = "lead_too_large", 413
    sentence = _("This is too large: at most {most} bytes.")


def on_open(taker: Taker) -> None:
    """Name who makes leads of what is opened (the slice of leads, once, at start-up)."""
    global _taker
    _taker = taker


def is_held() -> bool:
    """Whether what comes in now has to wait under seal. Raises the refusal where nothing may come in at all."""
    access.require(Act.INTAKE)
    return access.here().level is not Level.FULL


def accept_held_lead(place: Place, source: str, payload: Mapping[str, Any], *, sender_key: str = "") -> HeldLead:
    """Seal a lead and keep it in the workspace's own schema, in a unit of its own unless inside already; the same `sender_key` of a source is one lead.

    Raises LeadTooLarge, and ReadOnly where the operator closed the workspace.
    """
    words = json.dumps(payload, ensure_ascii=False).encode()
    if len(words) > LARGEST:
        raise LeadTooLarge(most=LARGEST)
    with sides.inside(place), transaction.atomic():
        access.require(Act.INTAKE)
        same = HeldLead.objects.filter(source=source[:80], sender_key=sender_key[:100]).first() if sender_key else None
        return same or HeldLead.objects.create(source=source[:80], sender_key=sender_key[:100], sealed=b"".join(sealing.seal([words], about=_about(place))))


def waiting() -> int:
    """How many wait: the number may be shown, nothing else of them."""
    return _open().count()


def any_waiting() -> bool:
    """Whether there are some."""
    return _open().exists()


def open_some(*, most: int = AT_ONCE) -> int:
    """Open the oldest, each into an event and to whoever takes leads; returns how many. Nothing while the workspace is not open. Inside a unit."""
    if access.here().level is not Level.FULL:
        return 0
    found = list(_open().select_for_update(skip_locked=True).order_by("id")[:most])
    for row in found:
        _open_one(row)
    return len(found)


def _open_one(row: HeldLead) -> None:
    place = workspace.here()
    try:
        words = b"".join(sealing.unseal(io.BytesIO(bytes(row.sealed)), about=_about(place)))
    except sealing.Broken:
        _log.exception("a held lead cannot be opened", extra={"lead": row.pk})
        HeldLead.objects.filter(pk=row.pk).update(broken=True)
        return
    payload = json.loads(words)
    if _taker is not None:
        _taker(row.source, payload, row.received_at)
    emit(INTAKE, "lead.released", entity="held_lead", record_id=row.pk, after={"source": row.source, "received_at": row.received_at.isoformat(), "lead": payload})
    HeldLead.objects.filter(pk=row.pk).update(opened_at=clock.now(), sealed=b"")


def _open() -> QuerySet[HeldLead]:
    return HeldLead.objects.filter(opened_at=None, broken=False)


def _about(place: Place) -> str:
    return f"held-lead:{place.public_id}"


@jobs.register(OPEN)
def open_all(pk: int, *, lease: Lease) -> Again | None:
    """The doors are open again: what waited comes in, in the order in which it came."""
    total = int(lease.checkpoint.get("opened", 0))
    while True:
        with sides.unit(workspace.here()):
            opened = open_some()
            total += opened
            lease.beat({"opened": total})
            if not opened:
                _say(total)
                return None
        if lease.should_yield():
            return Again()


def _say(total: int) -> None:
    if total:
        emit(INTAKE, "billing.leads_opened", entity="workspace", record_id=None, after={"created": total}, also=["workspace:1"])
