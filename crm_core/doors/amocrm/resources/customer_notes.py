"""Notes of customers, of the types that notes have everywhere; kept, for our cards have no customers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse

from crm_core.doors.amocrm import storing
from crm_core.doors.amocrm.models import Stored
from crm_core.doors.amocrm.resources import notes
from crm_core.doors.amocrm.resources.customers import CUSTOMER
from crm_core.doors.amocrm.shelves import reading, shelf
from crm_core.doors.amocrm.shelves.shelf import Shelf
from crm_core.doors.amocrm.wire import answers
from crm_core.doors.amocrm.wire.asking import Asked
from crm_core.doors.amocrm.wire.fields import Item, items_of, seconds, settle
from crm_platform.accounts import directory
from crm_platform.kernel.errors import NotFound

NOTE = "customer_note"


def _beside(asked: Asked, rows: Sequence[Stored]) -> dict[int, dict[str, Any]]:
    return {
        row.pk: {
            "entity_id": row.parent_id, "responsible_user_id": row.created_by or 0, "group_id": directory.group_of(row.created_by) or 0,
            "_links": answers.href(asked, f"customers/{row.parent_id}/notes/{row.pk}"), **({"is_pinned": bool(row.body.get("is_pinned"))} if "is_pinned" in asked.wants else {}),
        }
        for row in rows
    }  # fmt: skip


def _read(asked: Asked, item: Item, row: Stored | None) -> dict[str, Any]:
    kind = row.body["note_type"] if row else item.text("note_type", most=40) or "common"
    if kind not in notes.TYPES:
        item.fault("note_type", "The value you selected is not a valid choice.", code="NotSupportedChoice")
    params = reading.any_of(dict, list)(item, "params") or {}
    params = {**(row.body["params"] if row else {}), **(params if isinstance(params, dict) else {})}
    if kind == "common" and not str(params.get("text") or "").strip():
        item.fault("params.text", "This value should not be blank.", code="IsBlank")
    return {"note_type": kind, "params": params}


NOTES = Shelf(
    kind=NOTE, plural="notes", path="customers/notes", needed=(), beside=_beside, read=_read,
    fields={"note_type": (reading.text(most=40), "common"), "params": (reading.any_of(dict, list), {})},
)  # fmt: skip


def index(asked: Asked, record_id: int | None = None) -> HttpResponse:
    """A page of notes, of all customers or of one."""
    if record_id is not None:
        storing.get(asked.actor, CUSTOMER, record_id)
    return shelf.index(asked, NOTES, parent_id=record_id)


def show(asked: Asked, pk: int, record_id: int | None = None) -> HttpResponse:
    """One note."""
    return shelf.show(asked, NOTES, pk, parent_id=record_id)


def make(asked: Asked, record_id: int | None = None) -> HttpResponse:
    """Write notes, all of them or none."""
    items = items_of(asked.items)
    targets = [record_id if record_id is not None else item.whole("entity_id") for item in items]
    present = set(storing.rows(asked.actor, CUSTOMER).filter(pk__in=[pk for pk in targets if pk is not None]).values_list("pk", flat=True))
    if record_id is not None and record_id not in present:
        raise NotFound
    for item, pk in zip(items, targets, strict=True):
        if pk not in present:
            item.fault("entity_id", "Entity not found.", code="EntityNotFound")
    settle(items)
    rows = [shelf.keep(asked, NOTES, [item], parent_id=pk)[0] for item, pk in zip(items, targets, strict=True)]
    told = [
        {"id": row.pk, "entity_id": row.parent_id, "request_id": item.request_id, "_links": answers.href(asked, f"customers/{row.parent_id}/notes/{row.pk}")}
        for row, item in zip(rows, items, strict=True)
    ]
    return answers.made(asked, "notes", told)


def change_many(asked: Asked, record_id: int | None = None) -> HttpResponse:
    """Change notes, all of them or none; each item names its id."""
    items, told = items_of(asked.items), []
    for item in items:
        try:
            told.append(_changed(asked, item, item.whole("id") or 0, record_id))
        except NotFound:
            item.fault("id", "Entity not found.", code="EntityNotFound")
    settle(items)
    return answers.made(asked, "notes", told)


def change(asked: Asked, pk: int, record_id: int | None = None) -> HttpResponse:
    """Change one note."""
    item = Item(asked.item)
    told = _changed(asked, item, pk, record_id)
    settle([item])
    return answers.told(told)


def _changed(asked: Asked, item: Item, pk: int, record_id: int | None) -> dict[str, Any]:
    said = Item({name: value for name, value in item.body.items() if name == "params"}, at=item.at)
    said.faults = item.faults
    row = shelf.lay(asked, NOTES, pk, said, parent_id=record_id)
    return {"id": pk, "entity_id": row.parent_id, "updated_at": seconds(row.updated_at), "request_id": item.request_id, "_links": answers.href(asked, f"customers/{row.parent_id}/notes/{pk}")}


def pin(asked: Asked, pk: int, record_id: int | None = None) -> HttpResponse:
    """Keep a note on top."""
    return _pinned(asked, pk, record_id, wanted=True)


def unpin(asked: Asked, pk: int, record_id: int | None = None) -> HttpResponse:
    """No longer on top."""
    return _pinned(asked, pk, record_id, wanted=False)


def _pinned(asked: Asked, pk: int, record_id: int | None, *, wanted: bool) -> HttpResponse:
    storing.change(asked.actor, storing.get(asked.actor, NOTE, pk, parent_id=record_id, lock=True), body={"is_pinned": wanted})
    return answers.nothing()


def delete(asked: Asked, pk: int, record_id: int | None = None) -> HttpResponse:
    """Take a note away."""
    return shelf.delete(asked, NOTES, pk, parent_id=record_id)
