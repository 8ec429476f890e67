"""What was sent of records, as the services take it: fields, values, tags, links. What is wrong is noted in the item."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from crm_core.doors.amocrm.fields import values as custom_values
from crm_core.doors.amocrm.records.collections import COMPANIES, CONTACTS, LEADS, Collection
from crm_core.doors.amocrm.wire.fields import Item
from crm_core.groundwork.records.ordering import fold
from crm_core.groundwork.tags import services as tags
from crm_platform.accounts import directory
from crm_platform.kernel.permissions import Actor, reach

_CHOICE = "The value you selected is not a valid choice."
Values = dict[str, Any]


def fresh(actor: Actor, item: Item, collection: Collection) -> Values:
    """The values of a new record; times and authors may be said, as an integration that moves data does."""
    values = changes(actor, item, collection, None)
    for name in ("created_at", "updated_at"):
        moment = item.moment(name)
        if moment is not None:
            values[name] = moment
    for name in ("created_by", "updated_by"):
        if item.given(name) and item.body[name] is not None:
            author = item.whole(name, least=0)
            values[name] = author if author in directory.everyone() else None
    return values


def changes(actor: Actor, item: Item, collection: Collection, record: Any) -> Values:
    """The values that an item changes; what was not sent stays."""
    values = own(actor, item, collection, record)
    if item.body.get("responsible_user_id") is not None:
        values["responsible_id"] = _person(item)
    if item.given("external_id"):
        values["external_id"] = item.text("external_id", most=200)
    tag_ids = tags_after(actor, item, collection.entity, record)
    return values if tag_ids is None else {**values, "tag_ids": tag_ids}


def own(actor: Actor, item: Item, collection: Collection, record: Any) -> Values:
    """The same of its fields alone: whose it is, what names it elsewhere and its tags are left out."""
    found = {**collection.read(actor, item, record), **custom_values.read(item, collection.entity)}
    if record is not None and found.get("addresses") and found["addresses"][0]["street"] == custom_values.address_line(record.addresses)[:300].strip():
        del found["addresses"]  # the line as it was told: read and sent back, its parts stay as they are
    return found


def _person(item: Item) -> int | None:
    """Whose it is; 0 is nobody."""
    given = item.whole("responsible_user_id", least=0)
    if given and given not in directory.everyone():
        item.fault("responsible_user_id", _CHOICE, code="NotSupportedChoice")
        return None
    return given or None


def tags_after(actor: Actor, item: Item, entity: str, record: Any) -> list[int] | None:
    """The tags after it: `_embedded.tags` replaces them, `tags_to_add` and `tags_to_delete` edit; None where neither was sent."""
    embedded = item.beneath("_embedded")
    present = set(record.tag_ids) if record is not None else set()
    if not (embedded.given("tags") or item.given("tags_to_add") or item.given("tags_to_delete")):
        return None
    kept = set(_named(actor, embedded.each("tags"), entity)) if embedded.given("tags") else present
    kept |= set(_named(actor, item.each("tags_to_add"), entity))
    kept -= set(_named(actor, item.each("tags_to_delete"), entity, make=False))
    return sorted(kept)


def _named(actor: Actor, items: Iterable[Item], entity: str, *, make: bool = True) -> list[int]:
    """Tags by id or name; unknown names are made, as the API has it."""
    found, new = [], []
    known = tags.tags_of(entity)
    for one in items:
        pk, name = one.whole("id"), one.text("name", most=60)
        if pk is not None and pk in known:
            found.append(pk)
        elif name:
            new.append(name)
        elif pk is not None and make:
            one.fault("id", _CHOICE, code="NotSupportedChoice")
    if not make:
        words = {tag.folded: tag.pk for tag in known.values()}
        return [*found, *(pk for name in new if (pk := words.get(fold(name)[:60])) is not None)]
    return [*found, *(tags.ids_of(entity, new, by=actor) if new else [])]


def linked(actor: Actor, items: Sequence[Item], collection: Collection, values: Sequence[Values]) -> None:
    """Add to the values what `_embedded` links of new records: ids are looked up once for all items."""
    embedded = [item.beneath("_embedded") for item in items]
    if collection is LEADS:
        _link(actor, embedded, values, "contacts", CONTACTS, put=_contacts)
        _link(actor, embedded, values, "companies", COMPANIES, put=lambda value, ids, _names: value.__setitem__("company_id", ids[0][0]))
    elif collection is CONTACTS:
        _link(actor, embedded, values, "companies", COMPANIES, put=_companies)


def _contacts(value: Values, ids: list[tuple[int, bool]], _names: Mapping[int, str]) -> None:
    value["contacts"] = [{"contact_id": pk} for pk, _main in sorted(ids, key=lambda one: not one[1])]


def _companies(value: Values, ids: list[tuple[int, bool]], names: Mapping[int, str]) -> None:
    value["companies"] = [{"company_id": pk, "company": names[pk]} for pk, _main in ids]


def _link(actor: Actor, embedded: Sequence[Item], values: Sequence[Values], name: str, collection: Collection, *, put: Any) -> None:
    rows = [(value, [(one, one.whole("id"), bool(one.body.get("is_main"))) for one in item.each(name) if one.body.get("id") is not None]) for item, value in zip(embedded, values, strict=True)]
    wanted = {pk for _value, links in rows for _one, pk, _main in links if pk is not None}
    seen = _names(actor, collection, wanted)
    for value, links in rows:
        for one, pk, _main in links:
            if pk not in seen:
                one.fault("id", _CHOICE, code="NotSupportedChoice")
        ids = [(pk, main) for _one, pk, main in links if pk in seen and pk is not None]
        if ids:
            put(value, ids, seen)


def visible(actor: Actor, collection: Collection, pks: Iterable[int]) -> set[int]:
    """Which of the ids are records that the actor may see."""
    return set(_names(actor, collection, pks))


def _names(actor: Actor, collection: Collection, pks: Iterable[int]) -> dict[int, str]:
    """The same with their names."""
    wanted = list(pks)
    if not wanted:
        return {}
    return dict(collection.kind.model.objects.kept().filter(reach(actor, collection.kind.entity.VIEW), pk__in=wanted).values_list("pk", "name"))
