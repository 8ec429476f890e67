"""Notes of the open API: what people and programs said on leads, contacts and companies, of every type it knows."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.db.models.functions import Coalesce
from django.http import HttpResponse
from django.utils.translation import gettext as _

from crm_core.doors.amocrm import names
from crm_core.doors.amocrm.records import collections
from crm_core.doors.amocrm.records.taking import visible
from crm_core.doors.amocrm.resources.account import account_id
from crm_core.doors.amocrm.wire import answers, brackets, cursors
from crm_core.doors.amocrm.wire.asking import Asked, wholes
from crm_core.doors.amocrm.wire.fields import Item, items_of, period, refused_among, seconds, settle
from crm_core.doors.amocrm.wire.texts import clean
from crm_core.engagement.notes import services
from crm_core.engagement.notes.models import Note
from crm_core.groundwork.records import writing
from crm_core.sales.deals.models import DealContact
from crm_platform.accounts import directory
from crm_platform.kernel.errors import NotFound

# What may be written, and which of its params is what people read.
TYPES = frozenset({
    "common", "call_in", "call_out", "service_message", "extended_service_message", "message_cashier", "geolocation", "sms_in", "sms_out", "attachment",
})  # fmt: skip
# When a note was written or, if it was changed since, changed.
_CHANGED = "changed_at"
FILTERS = ("id", "entity_id", "created_by", "note_type", "updated_at")


def index(asked: Asked, plural: str, record_id: int | None = None) -> HttpResponse:
    """A page of the notes of a collection, or of one record."""
    collection = collections.find(plural)
    if record_id is not None:
        writing.get(asked.actor, collection.kind, record_id)
    rows = _filtered(asked, Note.objects.filter(entity=collection.entity, binned_at=None), record_id=record_id)
    name, down = asked.order if asked.order and asked.order[0] in ("id", "updated_at", "created_at") else ("id", False)
    field = {"id": "id", "created_at": "created_at", "updated_at": _CHANGED}[name]
    found, more, cursor = cursors.page_of(asked, rows, field, down=down)
    seen = visible(asked.actor, collection, {note.record_id for note in found})
    page = [draw(asked, plural, note) for note in found if note.record_id in seen]
    return answers.page(asked, "notes", page, more=more, empty=not found, cursor=cursor)


def _filtered(asked: Asked, rows: QuerySet[Note], *, record_id: int | None) -> QuerySet[Note]:
    asked.knows(FILTERS)
    asks = asked.filters
    rows = rows.annotate(**{_CHANGED: Coalesce("edited_at", "created_at")})
    if record_id is not None:
        rows = rows.filter(record_id=record_id)
    for name, field in {"id": "pk", "entity_id": "record_id", "created_by": "created_by"}.items():
        if name in asks:
            rows = rows.filter(**{f"{field}__in": wholes(asks[name])})
    if "note_type" in asks:
        rows = rows.filter(kind__in=brackets.values(asks["note_type"]))
    return rows.filter(period(asks.get("updated_at"), _CHANGED))


def show(asked: Asked, plural: str, pk: int, record_id: int | None = None) -> HttpResponse:
    """One note."""
    return answers.told(draw(asked, plural, _note(asked, plural, pk, record_id)))


def _note(asked: Asked, plural: str, pk: int, record_id: int | None) -> Note:
    note = services.get(asked.actor, pk)
    if note.entity != names.code_of(plural) or (record_id is not None and note.record_id != record_id):
        raise NotFound
    return note


def draw(asked: Asked, plural: str, note: Note) -> dict[str, Any]:
    """A note as the API tells it."""
    params = note.params if note.kind != "common" else {**note.params, "text": note.text}
    told = {
        "id": note.pk, "entity_id": note.record_id, "created_by": note.created_by or 0, "updated_by": note.created_by or 0, "created_at": seconds(note.created_at),
        "updated_at": seconds(note.edited_at or note.created_at), "responsible_user_id": note.created_by or 0, "group_id": directory.group_of(note.created_by) or 0,
        "note_type": note.kind, "params": params, "account_id": account_id(), "_links": answers.href(asked, f"{plural}/{note.record_id}/notes/{note.pk}"),
    }  # fmt: skip
    return {**told, "is_pinned": note.pinned} if "is_pinned" in asked.wants else told


def make(asked: Asked, plural: str, record_id: int | None = None) -> HttpResponse:
    """Write notes, all of them or none."""
    collection, items = collections.find(plural), items_of(asked.items)
    targets = [record_id if record_id is not None else item.whole("entity_id") for item in items]
    seen = visible(asked.actor, collection, {pk for pk in targets if pk is not None})
    records = collection.kind.model.objects.in_bulk(seen)
    if plural == names.PLURALS["deal"]:
        _know_contacts(records)
    rows = [_said(item, collection.entity, records.get(pk or 0)) for item, pk in zip(items, targets, strict=True)]
    settle(items)
    with refused_among(items):
        notes = services.add_said(asked.actor, [row for row in rows if row is not None])
    told = [
        {"id": note.pk, "entity_id": note.record_id, "request_id": item.request_id, "_links": answers.href(asked, f"{plural}/{note.record_id}/notes/{note.pk}")}
        for note, item in zip(notes, items, strict=True)
    ]
    return answers.made(asked, "notes", told)


def _know_contacts(deals: dict[int, Any]) -> None:
    """Whose histories show it: asked once for all deals."""
    for deal in deals.values():
        deal.contact_ids = []
    for deal_id, contact_id in DealContact.objects.filter(deal__in=list(deals)).values_list("deal_id", "contact_id"):
        deals[deal_id].contact_ids.append(contact_id)


def _said(item: Item, entity: str, record: Any) -> services.Said | None:
    kind, params = item.text("note_type", most=40) or "common", _params(item)
    if kind not in TYPES:
        item.fault("note_type", "The value you selected is not a valid choice.", code="NotSupportedChoice")
    if record is None:
        item.fault("entity_id", "Entity not found.", code="EntityNotFound")
    text = in_words(kind, params)
    if kind == "common" and not text:
        item.fault("params.text", "This value should not be blank.", code="IsBlank")
    if item.faults:
        return None
    author = item.whole("created_by", least=0)
    return services.Said(
        entity=entity, record=record, text=text, kind=kind, params=params, created_at=item.moment("created_at"),
        created_by=author if author in directory.everyone() else None,
    )  # fmt: skip


def _params(item: Item) -> dict[str, Any]:
    """What was said of it, as it was said; bounded, for it is kept whole."""
    params = item.beneath("params").body
    if len(str(params)) > 50_000:
        item.fault("params", "This is larger than a note may be.", code="TooLong")
        return {}
    return {clean(str(name))[:80]: clean(value) if isinstance(value, str) else value for name, value in params.items()}


def in_words(kind: str, params: dict[str, Any]) -> str:
    """What people read on the card."""
    text = str(params.get("text") or "").strip()
    if kind in ("call_in", "call_out"):
        sentence = _("Incoming call from {phone}, {seconds} s") if kind == "call_in" else _("Call to {phone}, {seconds} s")
        told = sentence.format(phone=params.get("phone") or "–", seconds=params.get("duration") or 0)
        return "\n".join(filter(None, (told, str(params.get("call_result") or ""), str(params.get("link") or ""))))
    if kind in ("sms_in", "sms_out"):
        return "\n".join(filter(None, (str(params.get("phone") or ""), text))) or "SMS"
    if kind == "attachment":
        return str(params.get("file_name") or params.get("original_name") or _("A file"))
    if kind == "geolocation":
        return "\n".join(filter(None, (text, str(params.get("address") or "")))) or _("A place")
    return text or ("" if kind == "common" else kind)


def change_many(asked: Asked, plural: str, record_id: int | None = None) -> HttpResponse:
    """Change notes, all of them or none; each item names its id."""
    items, told = items_of(asked.items), []
    for item in items:
        try:
            told.append(_changed(asked, plural, item.whole("id") or 0, item, record_id))
        except NotFound:
            item.fault("id", "Entity not found.", code="EntityNotFound")
    settle(items)
    return answers.made(asked, "notes", told)


def change(asked: Asked, plural: str, pk: int, record_id: int | None = None) -> HttpResponse:
    """Change one note."""
    item = Item(asked.item)
    told = _changed(asked, plural, pk, item, record_id)
    settle([item])
    return answers.told(told)


def _changed(asked: Asked, plural: str, pk: int, item: Item, record_id: int | None) -> dict[str, Any]:
    note = _note(asked, plural, pk, record_id)
    if item.given("params") and item.body["params"] is not None:
        params = {**note.params, **_params(item)}
        with item.refused_here():
            note = services.change(asked.actor, pk, text=in_words(note.kind, params) or note.text, params=params)
    links = answers.href(asked, f"{plural}/{note.record_id}/notes/{pk}")
    return {"id": pk, "entity_id": note.record_id, "updated_at": seconds(note.edited_at or note.created_at), "request_id": item.request_id, "_links": links}


def pin(asked: Asked, plural: str, pk: int, record_id: int | None = None) -> HttpResponse:
    """Keep a note on top of the card."""
    return _pinned(asked, plural, pk, record_id, wanted=True)


def unpin(asked: Asked, plural: str, pk: int, record_id: int | None = None) -> HttpResponse:
    """No longer on top."""
    return _pinned(asked, plural, pk, record_id, wanted=False)


def _pinned(asked: Asked, plural: str, pk: int, record_id: int | None, *, wanted: bool) -> HttpResponse:
    if _note(asked, plural, pk, record_id).pinned != wanted:
        services.pin(asked.actor, pk)
    return answers.nothing()


def delete(asked: Asked, plural: str, pk: int, record_id: int | None = None) -> HttpResponse:
    """Take one's own note off the card."""
    _note(asked, plural, pk, record_id)
    services.remove(asked.actor, pk)
    return answers.nothing()
