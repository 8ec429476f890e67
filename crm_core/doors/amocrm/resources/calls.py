"""Calls of telephone systems: each becomes a note of whoever has the number."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse

from crm_core.doors.amocrm.records import collections
from crm_core.doors.amocrm.records.collections import Collection
from crm_core.doors.amocrm.resources.account import account_id
from crm_core.doors.amocrm.resources.notes import in_words
from crm_core.doors.amocrm.shelves import reading
from crm_core.doors.amocrm.wire import answers
from crm_core.doors.amocrm.wire.asking import Asked
from crm_core.doors.amocrm.wire.fields import Item, items_of, settle
from crm_core.engagement.notes import services as notes
from crm_core.people import reaching
from crm_core.sales.incoming import ringing
from crm_platform.accounts import directory
from crm_platform.kernel.permissions import Actor, reach

_KINDS = {"inbound": "call_in", "outbound": "call_out"}
_SINGULAR = {"contacts": "contact", "companies": "company"}


def make(asked: Asked) -> HttpResponse:
    """Write calls. Those of numbers that nobody has are told under `errors`; the others are written all the same."""
    items = items_of(asked.items)
    for item in items:
        _check(item)
    settle(items)
    found = [(item, whose(asked.actor, item.text("phone", most=60))) for item in items]
    known = [(item, whose) for item, whose in found if whose is not None]
    rows = [_said(item, *whose) for item, whose in known]
    settle(items)
    written = notes.add_said(asked.actor, rows) if rows else []
    ringing.end([item.text("phone", most=60) for item in items])
    told = [
        {
            "id": note.pk, "entity_id": record.pk, "entity_type": _SINGULAR[collection.plural], "account_id": account_id(), "request_id": item.request_id,
            "_embedded": {"entity": {"id": record.pk, "_links": answers.href(asked, f"{collection.plural}/{record.pk}")}},
        }
        for note, (item, (collection, record)) in zip(written, known, strict=True)
    ]  # fmt: skip
    errors = [
        {"request_id": item.request_id, "status": 263, "title": "Entity not found", "detail": "Nobody here has this number."} for item, whose in found if whose is None
    ]
    return answers.made(asked, "calls", told, _total_items=len(told), errors=errors)


def _check(item: Item) -> None:
    reading.choice(*_KINDS)(item, "direction")
    reading.needed(item, ["direction", "phone", "source"])
    if item.whole("duration", least=0, most=10**7) is None and not any(fault.path == "duration" for fault in item.faults):
        item.fault("duration", "This value should not be blank.", code="IsBlank")
    item.whole("call_status", least=0, most=100)
    item.text("phone", most=60)


def whose(actor: Actor, phone: str) -> tuple[Collection, Any] | None:
    """The contact that has the number, else the company, of those the program may see."""
    keys = reaching.keys_of_call(phone)
    for collection in (collections.CONTACTS, collections.COMPANIES):
        model = collection.kind.model
        pks = reaching.with_keys(model, keys) if keys else []
        record = model.objects.kept().filter(reach(actor, collection.kind.entity.VIEW), pk__in=pks).order_by("pk").first() if pks else None
        if record is not None:
            return collection, record
    return None


def _said(item: Item, collection: Collection, record: Any) -> notes.Said:
    texts = {name: item.text(name, most=2000) for name in ("uniq", "source", "link", "phone", "call_result")}
    responsible = item.body.get("call_responsible", item.body.get("responsible_user_id"))
    params: dict[str, Any] = {
        **{name: value for name, value in texts.items() if value or name in ("uniq", "source", "phone")}, "duration": item.whole("duration") or 0,
        **({"call_status": item.whole("call_status")} if item.whole("call_status") is not None else {}),
        **({"call_responsible": reading.plain(responsible)} if isinstance(responsible, (int, str)) else {}),
    }  # fmt: skip
    kind, author = _KINDS[item.text("direction")], item.whole("created_by", least=0)
    return notes.Said(
        entity=collection.entity, record=record, text=in_words(kind, params), kind=kind, params=params, created_at=item.moment("created_at"),
        created_by=author if author in directory.everyone() else None,
    )  # fmt: skip
