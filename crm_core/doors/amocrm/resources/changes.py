"""GET /changes?since=: everything that happened, in order, from where the program stopped; nothing is ever skipped."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import connection
from django.http import HttpResponse

from crm_core.doors.amocrm import names
from crm_core.doors.amocrm.records import collections
from crm_core.doors.amocrm.records.taking import visible
from crm_core.doors.amocrm.wire import answers
from crm_core.doors.amocrm.wire.asking import Asked, whole
from crm_core.doors.amocrm.wire.fields import seconds
from crm_core.doors.amocrm.wire.problems import BadRequest
from crm_platform.events.models import Event
from crm_platform.kernel import clock, reading
from crm_platform.kernel.permissions import Action, Actor, Scope

# Ids are given out before the commit: a row may yet appear in a gap of theirs. A gap is final once every transaction that
# runs began after the row behind it was written: by their numbers, and, for the moment between taking an id and a number, by time.
_STRETCH = """
SELECT id, age(xmin) > age(pg_snapshot_xmin(pg_current_snapshot())::xid) AND at < %s
FROM event WHERE id > %s ORDER BY id LIMIT %s
"""
_SETTLES_IN = timedelta(seconds=5)
# Events before a moment that are looked at for gaps: more than are written at the same time.
_LOOKED_BACK = 1000


def index(asked: Asked) -> HttpResponse:
    """Changes behind `since` (a cursor of an earlier answer; a moment; nothing: from the beginning), at most 250, and the cursor for the next question.

    An empty list with the same cursor says that nothing more happened. People's rights count: of records that the
    program may not see it learns nothing, and settings are told to administrators alone.
    """
    since = _since(asked)
    ids, more = stretch(since, most=asked.limit if "limit" in asked.query else asked.most)
    rows = Event.objects.filter(pk__in=ids).order_by("pk") if ids else Event.objects.none()
    told = [_told(row) for row in _seen(asked.actor, list(rows))]
    cursor = str(ids[-1] if ids else since)
    links = {"self": {"href": f"{asked.base}{asked.request.path}?since={since}"}, "next": {"href": f"{asked.base}{asked.request.path}?since={cursor}"}}
    return answers.told({"cursor": cursor, "more": more, "_links": links, "_embedded": {"changes": told}})


def _since(asked: Asked) -> int:
    given = asked.query.get("since", "")
    if given == "":
        return 0
    number = whole(given, default=-1)
    if number >= 0:
        return number
    moment = reading.moment(given)
    if moment is None:
        raise BadRequest(detail="since must be a cursor of an earlier answer, or a moment as 2026-11-27T12:00:00Z.")
    first = Event.objects.filter(at__gte=moment).order_by("pk").values_list("pk", flat=True).first()
    last = Event.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    return _settled(last if first is None else first - 1)


def _settled(cursor: int) -> int:
    """The cursor, or an earlier one: with smaller numbers some may yet be written that belong behind the moment, and one told early is better than one lost."""
    begin = max(0, cursor - _LOOKED_BACK)
    ids, _more = stretch(begin, most=_LOOKED_BACK)
    return min(cursor, ids[-1] if ids else begin)


def stretch(since: int, *, most: int) -> tuple[list[int], bool]:
    """The ids of events behind `since` that nothing can slip in between any more, and whether more stand there."""
    with connection.cursor() as cursor:
        cursor.execute(_STRETCH, [clock.now() - _SETTLES_IN, since, most + 1])
        rows = cursor.fetchall()
    ids: list[int] = []
    for pk, settled in rows[:most]:
        if pk != (ids[-1] if ids else since) + 1 and not settled:
            return ids, True
        ids.append(pk)
    return ids, len(rows) > most


def _seen(actor: Actor, rows: list[Event]) -> list[Event]:
    """Those of records that the actor may see at all."""
    if actor.everything:
        return rows
    kept: set[int] = set()
    for code, collection in collections.ALL.items():
        mine = [row for row in rows if row.entity == code]
        if actor.scope_for(collection.kind.entity.right(Action.VIEW)) == Scope.ALL:
            kept |= {row.pk for row in mine}
        elif mine:
            shown = visible(actor, collection, {row.record_id for row in mine if row.record_id is not None})
            kept |= {row.pk for row in mine if row.record_id in shown}
    return [row for row in rows if row.pk in kept]


def _told(row: Event) -> dict[str, Any]:
    return {
        "id": row.pk, "type": row.name, "entity_type": names.PLURALS.get(row.entity, row.entity), "entity_id": row.record_id, "created_at": seconds(row.at),
        "created_by": row.actor_id or 0, "author": row.actor_kind, "via": row.via or None, "before": row.before, "after": row.after,
    }  # fmt: skip
