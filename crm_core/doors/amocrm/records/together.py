"""POST /leads/complex: a lead with its contact and its company in one request. Who is known already is not made twice."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse

from crm_core.doors.amocrm.records import taking
from crm_core.doors.amocrm.records.collections import COMPANIES, CONTACTS, LEADS, Collection
from crm_core.doors.amocrm.records.verbs import create
from crm_core.doors.amocrm.resources import unsorted
from crm_core.doors.amocrm.resources.unsorted import category_of
from crm_core.doors.amocrm.wire import answers
from crm_core.doors.amocrm.wire.asking import Asked
from crm_core.doors.amocrm.wire.fields import Item, items_of, settle
from crm_core.groundwork.records import writing
from crm_core.people import completing, reaching
from crm_platform.kernel.errors import Invalid
from crm_platform.kernel.permissions import Actor

MOST = 50
_EMBEDDED_MOST = 40


def make(asked: Asked) -> HttpResponse:
    """Make leads with their contact and company, all of them or none; `merged` says that the contact was known.

    Those that say by `metadata.category` that they come from a form or a call wait to be decided instead, and have a `uid`.
    """
    items = items_of(asked.items)
    waiting = [item for item in items if category_of(item)]
    told = {item.at: row for rows in (_at_once(asked, [item for item in items if not category_of(item)]), _unsorted(asked, waiting)) for item, row in rows}
    return answers.told([told[item.at] for item in items])


def _at_once(asked: Asked, items: list[Item]) -> list[tuple[Item, dict[str, Any]]]:
    keys = {(item.at, collection.plural): _keys(asked.actor, item, collection) for item in items for collection in (CONTACTS, COMPANIES)}
    reaching.alone_with(key for each in keys.values() for key in each)
    known = [_party(asked, item, CONTACTS, keys[item.at, "contacts"]) for item in items]
    firms = [_party(asked, item, COMPANIES, keys[item.at, "companies"]) for item in items]
    settle(items)
    leads, _items = create(asked, LEADS, [_plain(item, contact, company) for item, (contact, _merged), (company, _known) in zip(items, known, firms, strict=True)])
    return [
        (item, {"id": lead.pk, "contact_id": contact, "company_id": company, "request_id": [item.request_id], "merged": merged})
        for lead, item, (contact, merged), (company, _known) in zip(leads, items, known, firms, strict=True)
    ]


def _unsorted(asked: Asked, items: list[Item]) -> list[tuple[Item, dict[str, Any]]]:
    """Their lead, contact and company are made when they are accepted: until then there are no ids of them."""
    if items:
        unsorted.may_bring(asked.actor)
    rows = [(item, unsorted.take_whole(item, category_of(item))) for item in items]
    settle(items)
    return [(item, {"id": None, "contact_id": None, "company_id": None, "request_id": [item.request_id], "merged": False, "uid": lead.uid}) for item, lead in rows]


def _plain(item: Item, contact: int | None, company: int | None) -> Item:
    """The lead alone, linked with whom we have now by id."""
    embedded = item.body.get("_embedded")
    kept = {name: rows for name, rows in (embedded if isinstance(embedded, dict) else {}).items() if name in ("tags", "source")}
    if contact is not None:
        kept["contacts"] = [{"id": contact, "is_main": True}]
    if company is not None:
        kept["companies"] = [{"id": company}]
    plain = Item({**item.body, "_embedded": kept}, at=item.at)
    plain.faults = item.faults
    return plain


def _party(asked: Asked, item: Item, collection: Collection, keys: list[str]) -> tuple[int | None, bool]:
    """The contact or company of an item: named by id, found by phone, e-mail or name (`keys`) and completed, or made; and whether it was found."""
    parties = item.beneath("_embedded").each(collection.plural)
    if len(parties) > 1:
        item.fault(f"_embedded.{collection.plural}", "This collection should contain 1 element or less.", code="TooMany")
    if not parties or item.faults:
        return None, False
    party = parties[0]
    pk = party.whole("id")
    if pk is not None:
        if pk not in taking.visible(asked.actor, collection, [pk]):
            party.fault("id", "The value you selected is not a valid choice.", code="NotSupportedChoice")
        return pk, False
    if len(party.listed("custom_fields_values")) > _EMBEDDED_MOST:
        party.fault("custom_fields_values", f"This collection should contain {_EMBEDDED_MOST} elements or less.", code="TooMany")
    found = min(taking.visible(asked.actor, collection, reaching.with_keys(collection.kind.model, keys)), default=None) if keys else None
    if found is not None and not item.faults:
        _complete(asked.actor, party, collection, found)
    if found is not None or item.faults:
        return found, True
    (record,), _items = create(asked, collection, [party])
    return record.pk, False


def _complete(actor: Actor, party: Item, collection: Collection, pk: int) -> None:
    """Put onto one that is known what it lacks: numbers, addresses, tags, what is empty there. Who may not change it leaves it as it is."""
    record = writing.get(actor, collection.kind, pk, lock=True)
    if not writing.may_change(actor, collection.kind.entity.EDIT, record):
        return
    said = {name: value for name, value in taking.changes(actor, party, collection, record).items() if name not in ("name", "first_name", "last_name", "responsible_id", "external_id")}
    with party.refused_here():
        more = completing.lacking(record, said)
        if more:
            writing.change_locked(actor, collection.kind, record, more)


def _keys(actor: Actor, item: Item, collection: Collection) -> list[str]:
    """The phones, e-mails and the firm's name by which the contact or company of an item is looked for; what is wrong with them is told where it is made."""
    parties = Item(item.body).beneath("_embedded").each(collection.plural)
    if len(parties) != 1 or parties[0].whole("id") is not None:
        return []
    try:
        values = taking.own(actor, Item(parties[0].body), collection, None)
        record = collection.kind.model(**{name: values[name] for name in ("name", "first_name", "last_name", "phones", "emails") if name in values})
        collection.kind.prepare(record)
    except Invalid:
        return []
    return list(record.keys)
