"""The heartbeat of sources: a synthetic lead goes the whole way each day, is found, and goes; it is never shown, counted or told of."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from datetime import datetime, timedelta
from email.message import EmailMessage

from crm_platform.db import sides
from crm_platform.kernel import access, clock, ids, jobs, workspace
from crm_platform.kernel.access import Level
from crm_platform.kernel.errors import CrmError
from crm_platform.kernel.jobs import Again, Lease

from . import asking, door, mail, reading_job, sources
from .models import Category, IncomingLead, LeadSource, SourceKind

_log = logging.getLogger("kartoteka.incoming")
JOB = sources.HEARTBEAT
EVERY = timedelta(days=1)
# Silent: so many times the usual pause, and never sooner than after a day.
PATIENCE, AT_LEAST = 4, timedelta(days=1)


def plan(*, at: datetime | None = None) -> None:
    """One heartbeat waits for the whole workspace."""
    jobs.later(JOB, 0, at=at or clock.real_now() + EVERY, key=JOB)


def silent(source: LeadSource, *, now: datetime) -> bool:
    """Whether it has been silent for much longer than it usually is."""
    if source.last_lead_at is None or source.rhythm_seconds is None or source.archived_at is not None:
        return False
    return now - source.last_lead_at > max(AT_LEAST, timedelta(seconds=source.rhythm_seconds * PATIENCE))


def broken(source: LeadSource) -> bool:
    """Whether its last synthetic lead did not arrive."""
    return source.probe_failed_at is not None and (source.probed_at is None or source.probe_failed_at > source.probed_at)


@jobs.register(JOB)
def run(pk: int, *, lease: Lease) -> Again | None:
    """Try every source in use, then wait for the next day. Whoever has none is left alone."""
    place = workspace.here()
    with sides.unit(place):
        lease.beat()
        tried = sources.everything()
        open_now = access.here().level is Level.FULL
        if tried:
            plan()
    for source in tried if open_now else ():
        arrived = _goes_through(source)
        with sides.unit(place):
            lease.beat()
            note(source.pk, arrived=arrived)
    return None


def note(pk: int, *, arrived: bool) -> None:
    """Keep what came of a trial."""
    LeadSource.objects.filter(pk=pk).update(**{"probed_at" if arrived else "probe_failed_at": clock.now()})


def _goes_through(source: LeadSource) -> bool:
    """Send one by the way its senders go, read what is unread, look for it, and take it away."""
    place, mark = workspace.here(), f"probe-{ids.random_id(12)}"
    try:
        uid = _sent(source, mark)
    except CrmError as error:
        _log.warning("a trial lead was refused", extra={"source": source.pk, "code": error.code})
        return False
    with sides.unit(place):
        while reading_job.read_some():
            pass
        lead = IncomingLead.objects.filter(uid=uid, probe=True).first()
        arrived = lead is not None and lead.read_at is not None and mark in f"{lead.name} {lead.message}"
        IncomingLead.objects.filter(probe=True, source=source.pk).delete()
    return arrived


def _sent(source: LeadSource, mark: str) -> str:
    key = sources.key_of(source)
    if source.kind == SourceKind.MAIL:
        letter = EmailMessage()
        letter["From"], letter["To"], letter["Subject"], letter["Message-ID"] = f"{mark} <trial@kartoteka.example>", sources.address_of(source), mark, f"<{mark}@kartoteka.example>"
        letter.set_content(mark)
        return mail.deliver(sources.address_of(source), letter.as_bytes(), probe=True).uid
    if source.kind == SourceKind.FORM:
        return _filled(source, mark)
    body = json.dumps({"name": mark, "message": mark, "event_id": mark, "id": mark, "from": "anonymous", "status": "missed"}).encode()
    seal = hmac.new(sources.secret_of(source).encode(), body, hashlib.sha256).hexdigest()
    return door.taken_in(key, door.Delivery(said=json.loads(body), body=body, headers={"X-Signature": seal}, probe=True))[1].uid


def _filled(source: LeadSource, mark: str) -> str:
    """The form is drawn and read as people's are; one that is not published has nobody to fill it in."""
    form = sources.form_of(source)
    if form is None or form.published_at is None:
        answers = [{"key": "f1", "label": "", "role": "message", "value": mark}]
    else:
        asking.PublicForm(form.published).as_p()
        answers = [{"key": "trial", "label": "", "role": "message", "value": mark}]
    with sides.unit(workspace.here()):
        return door.keep(source, {"answers": answers}, door.Delivery(said=None, probe=True), category=Category.FORMS, form="answers", sender_key=f"form:{mark}").uid
