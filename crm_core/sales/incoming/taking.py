"""Taking in: one row and a job, so that a door answers at once. Never refused for a limit; sealed while the workspace is not open."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from billing.held import services as held
from crm_platform.jobs import rows
from crm_platform.kernel import clock, workspace

from .models import IncomingLead, LeadSource

READ = "incoming.read"
# Forms of which one lead is told several times: what makes them one, and who keeps the later ones.
_often: dict[str, tuple[Callable[[Any], str], Callable[[int, Any], object]]] = {}


def told_often(form: str, number: Callable[[Any], str], later: Callable[[int, Any], object]) -> None:
    """Name what makes several payloads of a form one lead (`number(said)`, "" for one by itself), and who keeps the later ones (`later(pk, said)`)."""
    _often[form] = number, later


def take(
    source: LeadSource | None, payload: Any, *, category: str, sender_key: str = "", form: str = "json",
    metadata: Mapping[str, Any] | None = None, files: list[dict[str, Any]] | None = None, pipeline_id: int | None = None, uid: str = "", probe: bool = False,
    came_at: datetime | None = None,
) -> IncomingLead:  # fmt: skip
    """Keep what came. Inside a unit of the workspace; it is read by a job, at once after the commit.

    The same `sender_key` of a source is one lead (`repeated`). While the workspace is not open in full it is sealed instead (`held`), and an
    unsaved row says so. `form` says how the payload is written (`reading.read`); `came_at` when it came to whoever
    brings it, if not now: its time for an answer counts from now all the same. Raises LeadTooLarge, and ReadOnly where the operator closed the workspace.
    """
    row = IncomingLead(
        uid=uid or secrets.token_hex(16), category=category, source=source, sender_key=sender_key[:100], pipeline_id=pipeline_id, metadata=dict(metadata or {}),
        payload={"form": form, "said": payload, **({"files": files} if files else {})}, probe=probe,
    )  # fmt: skip
    if held.is_held():
        return _seal(row, came_at)
    if came_at is not None:
        _set_timer(row)
        row.received_at = min(came_at, row.received_at)
    return _keep(row)


def _seal(row: IncomingLead, came_at: datetime | None) -> IncomingLead:
    if not row.probe:
        envelope = {name: getattr(row, name) for name in ("uid", "category", "payload", "metadata", "pipeline_id", "sender_key", "source_id")}
        envelope["came_at"] = came_at.isoformat() if came_at is not None else None
        held.accept_held_lead(workspace.here(), f"incoming:{row.source_id or 0}", envelope, sender_key=row.sender_key)
    row.held = True
    return row


# The row and the work of reading it, in one round trip; what the same sender has sent under the same number is not written again.
_KEEP = """
WITH kept AS (
  INSERT INTO incoming_lead (uid, category, source_id, sender_key, pipeline_id, state, name, message, payload, contents, metadata, keys, tried, received_at, due_at, reason, probe)
  VALUES (%(uid)s, %(category)s, %(source)s, %(sender_key)s, %(pipeline)s, 'waiting', '', '', %(payload)s::jsonb, '{}', %(metadata)s::jsonb, '{}', '{}', %(received)s, %(due)s, '', %(probe)s)
  ON CONFLICT DO NOTHING RETURNING id
), work AS (
  INSERT INTO job (name, target, key, at, state, lease, checkpoint, attempts, error, created_at)
  SELECT %(job)s, 0, %(job)s, %(now)s, 'waiting', '', '{}', 0, '', %(now)s FROM kept ON CONFLICT DO NOTHING RETURNING id
)
SELECT (SELECT id FROM kept), (SELECT id FROM work)
"""


def _keep(row: IncomingLead) -> IncomingLead:
    _set_timer(row)
    now = clock.real_now()
    values = {
        "uid": row.uid, "category": row.category, "source": row.source_id, "sender_key": row.sender_key, "pipeline": row.pipeline_id, "payload": json.dumps(row.payload),
        "metadata": json.dumps(row.metadata), "received": row.received_at, "due": row.due_at, "probe": row.probe, "job": READ, "now": now,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, values)
        row.pk, work = cursor.fetchone()
    if row.pk is None:
        same = IncomingLead.objects.get(source=row.source_id, sender_key=row.sender_key)
        same.repeated = True
        return same
    row._state.adding = False
    if work is not None:  # else some that wait is there, and whoever left it wakes the server
        rows.wake_after_commit(now)
    return row


def _set_timer(row: IncomingLead) -> None:
    minutes = row.source.settings.get("answer_minutes") if row.source is not None else None
    if isinstance(minutes, int) and minutes > 0 and row.due_at is None:
        row.due_at = row.received_at + timedelta(minutes=minutes)


def opened(source: str, envelope: Mapping[str, Any], received_at: datetime) -> None:
    """Answer to `billing.held.on_open`: what was sealed comes in now, with the moment at which it came (`came_at` of `take`, else when it was sealed)."""
    if not source.startswith("incoming:"):
        take(None, dict(envelope), category="api")
        return
    known = LeadSource.objects.filter(pk=envelope.get("source_id") or 0).first()
    row = IncomingLead(
        uid=envelope["uid"], category=envelope["category"], payload=envelope["payload"], metadata=envelope["metadata"], sender_key=envelope["sender_key"], source=known,
        pipeline_id=envelope.get("pipeline_id"), received_at=received_at,
    )  # fmt: skip
    said, (number, later) = row.payload.get("said"), _often.get(row.payload.get("form", ""), (None, None))
    if number is not None and (one := number(said)):  # each was sealed by itself
        row.sender_key = one
    if envelope.get("came_at"):
        _set_timer(row)
        row.received_at = min(datetime.fromisoformat(envelope["came_at"]), received_at)
    kept = _keep(row)
    if kept.repeated and later is not None:
        later(kept.pk, said)
    if row.due_at is not None:  # nobody could have answered before
        IncomingLead.objects.filter(pk=row.pk).update(due_at=clock.now() + (row.due_at - received_at))
