"""The verbs of leads, contacts and companies: list, one, make, change, put in the bin, restore."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.http import HttpResponse

from crm_core.doors.amocrm.records import collections, listing, taking
from crm_core.doors.amocrm.records.collections import Collection
from crm_core.doors.amocrm.records.drawing import draw
from crm_core.doors.amocrm.resources import joined
from crm_core.doors.amocrm.wire import answers
from crm_core.doors.amocrm.wire.asking import Asked
from crm_core.doors.amocrm.wire.fields import Item, items_of, refused_among, seconds, settle
from crm_core.doors.amocrm.wire.problems import BadRequest, ItemsRefused, of_fields
from crm_core.doors.amocrm.wire.tagging import matches, not_modified, tag_of
from crm_core.groundwork.records import writing
from crm_platform.kernel import workspace
from crm_platform.kernel.errors import Invalid, NotFound


def index(asked: Asked, plural: str) -> HttpResponse:
    """A page of records. `filter`, `order`, `query` and `with` as documented; every documented filter counts, on every plan.

    `with=total` tells how many there are and on how many pages.
    """
    collection = collections.find(plural)
    rows = listing.rows_of(asked, collection)
    if listing.unchanged(asked, rows):
        return answers.nothing(status=304)
    page, more, cursor = listing.page_of(asked, collection, rows)
    told = list(draw(asked, collection, page))
    counts = answers.counts(asked, rows.count()) if listing.TOTAL in asked.wants else None
    return answers.page(asked, collection.plural, told, more=more, cursor=cursor, counts=counts)


def show(asked: Asked, plural: str, pk: int) -> HttpResponse:
    """One record, with its ETag; 204 where there is none (404 with `Prefer: status=404`)."""
    collection = collections.find(plural)
    try:
        record = writing.get(asked.actor, collection.kind, pk, binned="only_deleted" in asked.wants)
    except NotFound:
        if "404" in asked.request.headers.get("Prefer", ""):
            raise
        return answers.nothing()
    tag = tag_of(record.version)
    if not_modified(asked.request, tag):
        return answers.nothing(status=304)
    response = answers.told(next(draw(asked, collection, [record])))
    response.headers["ETag"] = tag
    return response


def make(asked: Asked, plural: str) -> HttpResponse:
    """Make records, all of them or none; the answer has their ids in the order of the request."""
    collection = collections.find(plural)
    records, items = create(asked, collection, items_of(asked.items))
    return answers.made(asked, collection.plural, [_minimal(asked, collection, record, item) for record, item in zip(records, items, strict=True)])


def create(asked: Asked, collection: Collection, items: list[Item]) -> tuple[list[Any], list[Item]]:
    """The records of items, made by the engine that makes them everywhere. Raises ItemsRefused for all that is wrong."""
    values = [taking.fresh(asked.actor, item, collection) for item in items]
    taking.linked(asked.actor, items, collection, values)
    named = joined.declared(items) if collection is collections.LEADS else {}
    settle(items)
    with refused_among(items):
        records = writing.create_many(asked.actor, collection.kind, values)
    if named:
        joined.keep(records, items, named)
    return records, items


def _minimal(asked: Asked, collection: Collection, record: Any, item: Item) -> dict[str, Any]:
    return {"id": record.pk, "request_id": item.request_id, "_links": answers.href(asked, f"{collection.plural}/{record.pk}")}


def change_many(asked: Asked, plural: str) -> HttpResponse:
    """Change records, all of them or none; each item names its `id`."""
    collection = collections.find(plural)
    items = items_of(asked.items)
    told = [_changed(asked, collection, _id(item), item) for item in items]
    settle(items)
    return answers.made(asked, collection.plural, told)


def _id(item: Item) -> int:
    pk = item.whole("id")
    if pk is None:
        raise ItemsRefused({item.request_id: [*item.faults, *of_fields(Invalid(fields={"id": ["This value should not be blank."]}))]})
    return pk


def change(asked: Asked, plural: str, pk: int) -> HttpResponse:
    """Change one record; with `If-Match` only if nobody changed it since."""
    collection = collections.find(plural)
    item = Item(asked.item)
    told = _changed(asked, collection, pk, item, alone=True)
    settle([item])
    return answers.told(told)


def _changed(asked: Asked, collection: Collection, pk: int, item: Item, *, alone: bool = False) -> dict[str, Any]:
    """Read the present record under its lock, apply the item, and tell what amoCRM tells of it."""
    try:
        record = writing.get(asked.actor, collection.kind, pk, right="edit", lock=True)
    except NotFound:
        if alone:
            raise
        item.fault("id", "Entity not found.", code="EntityNotFound")
        return {}
    if alone:
        matches(asked.request, tag_of(record.version))
    values = taking.changes(asked.actor, item, collection, record)
    if item.faults:
        return {}
    with item.refused_here():
        writing.change_locked(asked.actor, collection.kind, record, values)
    name = {} if collection is collections.LEADS else {"name": record.name}
    return {"id": record.pk, **name, "updated_at": seconds(record.updated_at), "request_id": item.request_id, "_links": answers.href(asked, f"{collection.plural}/{record.pk}")}


def upsert(asked: Asked, plural: str) -> HttpResponse:
    """Make or change by `external_id`: a record that has it is changed, else one is made; `created` says which."""
    collection = collections.find(plural)
    items = items_of(asked.items)
    for item in items:
        if not item.text("external_id", most=200):
            item.fault("external_id", "This value should not be blank.", code="IsBlank")
    settle(items)
    wanted = [item.text("external_id", most=200) for item in items]
    if len(set(wanted)) < len(wanted):
        raise BadRequest(detail="An external_id stands in the request twice.")
    _alone(plural)
    present = dict(collection.kind.model.objects.kept().filter(external_id__in=wanted).order_by("-pk").values_list("external_id", "pk"))
    told = {key: _changed(asked, collection, present[key], item) for item, key in zip(items, wanted, strict=True) if key in present}
    settle(items)
    fresh = [item for item, key in zip(items, wanted, strict=True) if key not in present]
    made = {item.text("external_id", most=200): record for record, item in zip(*create(asked, collection, fresh), strict=True)} if fresh else {}
    rows = [
        {**(_minimal(asked, collection, made[key], item) if key in made else told[key]), "external_id": key, "created": key in made}
        for item, key in zip(items, wanted, strict=True)
    ]
    return answers.made(asked, collection.plural, rows)


def _alone(plural: str) -> None:
    """Until the end of the unit no other program makes records of the workspace by their own ids: two at one moment would make two of one id."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"upsert:{workspace.here().prefix}:{plural}"])


def put_in_bin(asked: Asked, plural: str, pk: int) -> HttpResponse:
    """Put one record in the bin, where it stays 90 days."""
    writing.put_in_bin(asked.actor, collections.find(plural).kind, [pk])
    return answers.nothing()


def restore(asked: Asked, plural: str, pk: int) -> HttpResponse:
    """Bring one record back from the bin."""
    collection = collections.find(plural)
    (record,) = writing.restore(asked.actor, collection.kind, [pk])
    return answers.told(next(draw(asked, collection, [record])))
