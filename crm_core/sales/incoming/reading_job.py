"""Reading what came in: what it says, who is to answer, and how often its source speaks. A job, so that doors are quick."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from crm_core.groundwork.attachments import services as attachments
from crm_platform.db import sides
from crm_platform.events.backbone import Change, emit_all
from crm_platform.kernel import clock, jobs, workspace
from crm_platform.kernel.jobs import Again, Kind, Lease
from crm_platform.kernel.permissions import Actor, ActorKind, robot

from . import reading, rhythm, routing
from .models import IncomingLead, LeadRule
from .taking import READ

_log = logging.getLogger("kartoteka.incoming")
INTAKE: Actor = robot("intake", kind=ActorKind.INTEGRATION)
AT_ONCE = 100
# Seconds after which one looks once more: whoever stored a lead while we were at it left us no work of its own.
_ONCE_MORE = 0.05
# Readers of what has a form of its own, and what else becomes of it: `(lead) -> whether it was dealt with and does not wait`.
_own: dict[str, Callable[[IncomingLead], reading.Read]] = {}
_instead: dict[str, Callable[[IncomingLead], bool]] = {}
_follows: dict[str, Callable[[Any], Sequence[str]]] = {}


def answer_form(
    form: str, read: Callable[[IncomingLead], reading.Read], *, instead: Callable[[IncomingLead], bool] | None = None, follows: Callable[[Any], Sequence[str]] | None = None,
) -> None:  # fmt: skip
    """Name who reads payloads of a form; `instead` may deal with a lead so that it does not wait (a call of a known contact).

    `follows(said)` names the earlier ones that it may go on with, by their `sender_key`s: they have to be read and written before, by whoever reads. Such
    a form has the name of its category.
    """
    _own[form] = read
    if instead is not None:
        _instead[form] = instead
    if follows is not None:
        _follows[form] = follows


@jobs.register(READ, kind=Kind.PROMPT)
def run(pk: int, *, lease: Lease) -> Again | None:
    """Read everything that is unread, oldest first, a hundred in a unit."""
    looked_again = False
    while True:
        with sides.unit(workspace.here()):
            lease.beat()
            found = read_some()
        if not found and looked_again:
            return None
        if lease.should_yield():
            return Again()
        looked_again = not found
        if looked_again:
            time.sleep(_ONCE_MORE)


def read_some(*, most: int = AT_ONCE) -> int:
    """Read the oldest; returns how many. Inside a unit."""
    rows = _before_others(_oldest(most))
    if not rows:
        return 0
    rules: dict[int | None, list[LeadRule]] = {}
    for row in rows:
        _understand(row)
        if row.source_id not in rules:
            rules[row.source_id] = routing.rules_for(row.source_id)
        if row.contents.get("files") and not row.probe:
            attachments.keep_incoming("incoming", row.pk, row.contents["files"])
    waiting = [row for row in rows if not _dealt_with(row)]
    for row in waiting:
        _route(row, rules[row.source_id])
    IncomingLead.objects.bulk_update(rows, ["name", "message", "contents", "metadata", "keys", "payload", "read_at", "responsible", "state", "contact_id", "deal_id", "reason", "decided_at"])
    _keep_rhythm(rows)
    told = [row for row in rows if not row.probe]
    emit_all(INTAKE, [Change(name="incoming.received", entity="incoming", record_id=row.pk, after={"name": row.name, "category": row.category, "source": row.source.name if row.source else ""}) for row in told])
    return len(rows)


def _oldest(most: int) -> list[IncomingLead]:
    """The oldest unread that nobody else reads. Letters are one reader's at a time, who is waited for: an answer is put to a letter that has been read."""
    unread = IncomingLead.objects.filter(read_at=None)
    if unread.filter(category__in=_follows).exists():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"letters:{workspace.here().prefix}"])
    else:  # one that has come since is left to the next look
        unread = unread.exclude(category__in=_follows)
    return list(unread.select_for_update(skip_locked=True, of=("self",)).select_related("source").order_by("id")[:most])


def _before_others(rows: Sequence[IncomingLead]) -> list[IncomingLead]:
    """Those that are read at once: an answer waits until what it may go on with is written, also where it came first. Two that name one another do not wait."""
    unread = {(row.source_id, row.sender_key) for row in rows}
    first = [row for row in rows if unread.isdisjoint((row.source_id, key) for key in _goes_on_with(row) if key != row.sender_key)]
    return first or list(rows)


def _goes_on_with(row: IncomingLead) -> Sequence[str]:
    follows = _follows.get(str(row.payload.get("form")))
    return follows(row.payload.get("said")) if follows is not None else ()


def read_now(lead: IncomingLead) -> None:
    """Read what waits up to this lead, where a program decides about it before the job has come to it. Inside a unit."""
    while lead.read_at is None and read_some():
        lead.refresh_from_db()


def _understand(row: IncomingLead) -> None:
    row.read_at = clock.now()
    form = str(row.payload.get("form"))
    try:
        own = _own.get(form)
        found = own(row) if own is not None else reading.read(row.payload)
    except Exception:  # broad: whatever somebody sends becomes a lead; how to read it better is ours to find out
        _log.exception("a lead could not be read", extra={"lead": row.uid})
        found = reading.Read(message=reading.clean(row.payload.get("said")), contents={"files": row.payload.get("files") or []})
    row.name, row.message, row.contents, row.keys = found.name, found.message, found.contents, found.keys
    said = {name: value for name, value in found.metadata.items() if value and (name == "page" or name.startswith("utm_"))}
    row.metadata = {**found.metadata, **row.metadata, **said}  # of its page the request shows often no more than the site
    later = row.payload.get("later")  # told of a call while it was read
    row.payload = {"form": form, **({"later": later} if later else {})}


def _dealt_with(row: IncomingLead) -> bool:
    """Whether something else was done with it than to let it wait."""
    instead = _instead.get(row.payload["form"])
    return instead(row) if instead is not None and not row.probe else False


def _route(row: IncomingLead, rules: Sequence[LeadRule]) -> None:
    if row.probe:
        return
    rule = routing.assign(row, rules)
    if rule is not None:
        if rule.given != row.responsible_id:
            rule.given = row.responsible_id
            LeadRule.objects.filter(pk=rule.pk).update(given=rule.given)
        routing.keep_timer(row, rule)
    elif row.responsible_id is None:
        routing.keep_opening(row, rules)


def _keep_rhythm(rows: Sequence[IncomingLead]) -> None:
    """What each source brought, probes aside."""
    by_source: dict[int, list[datetime]] = {}
    for row in rows:
        if row.source_id is not None and not row.probe:
            by_source.setdefault(row.source_id, []).append(row.received_at)
    rhythm.heard(by_source)
