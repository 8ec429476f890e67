"""Event rows as the API's events: which types a row tells, and the shapes of both sides."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from crm_core.doors.amocrm import names
from crm_core.doors.amocrm.fields.known import type_of
from crm_core.doors.amocrm.resources.account import TASK_TYPES
from crm_core.doors.amocrm.wire.fields import seconds, told_price
from crm_core.groundwork.custom_fields import services as custom
from crm_core.groundwork.custom_fields.models import Kind
from crm_core.groundwork.tags import services as tags
from crm_core.sales.deals import queries as deals
from crm_core.sales.pipelines import queries as pipelines
from crm_platform.events.models import Event
from crm_platform.kernel import preferences, reading

Side = list[dict[str, Any]]
# They are only kept, and tell of themselves as all things that are kept.
CUSTOMER = "customer"
_NONE: Mapping[int, str] = {}


@dataclass(frozen=True, slots=True)
class Told:
    """One of the API's events: of which record, what it was before and after. `field_id` narrows a change of a custom field."""

    type: str
    entity: str
    record_id: int | None
    before: Side = field(default_factory=list)
    after: Side = field(default_factory=list)
    field_id: int | None = None


_NOTES = {
    "common": "common_note_added", "call_in": "incoming_call", "call_out": "outgoing_call", "sms_in": "incoming_sms", "sms_out": "outgoing_sms",
    "attachment": "attachment_note_added", "geolocation": "geo_note_added", "service_message": "service_note_added",
    "extended_service_message": "service_note_added", "message_cashier": "message_to_cashier_note_added",
}  # fmt: skip
# The API's number of a custom field's type.
_NUMBERS = {
    "text": 1, "numeric": 2, "checkbox": 3, "select": 4, "multiselect": 5, "date": 6, "url": 7, "multitext": 8, "textarea": 9, "radiobutton": 10,
    "streetaddress": 11, "smart_address": 13, "birthday": 14, "legal_entity": 15, "date_time": 19, "monetary": 20, "file": 24,
}  # fmt: skip


def told(row: Event, currencies: Mapping[int, str] = _NONE) -> list[Told]:
    """The events of the API that a row tells; none for what the API has no word for. `currencies` are those of the deals, see `currencies_of`."""
    entity, _dot, verb = row.name.partition(".")
    if entity in names.SINGULARS:
        return list(_of_record(row, names.SINGULARS[entity], verb, currencies))
    if entity == "task":
        return list(_of_task(row, verb))
    if entity == "note":
        return list(_of_note(row, verb))
    if entity in (CUSTOMER, "transaction"):
        return list(_of_customer(row, verb))
    return []


def currencies_of(rows: Iterable[Event]) -> dict[int, str]:
    """In what the deals of these rows are counted, by id: rows tell sums in minor units. One statement, where a sum is among them."""
    return deals.currencies_of(row.record_id for row in rows if row.entity == "deal" and "sum_minor" in (row.before.keys() | row.after.keys()))


def _of_record(row: Event, word: str, verb: str, currencies: Mapping[int, str]) -> Iterator[Told]:
    plain = {"created": "added", "binned": "deleted", "restored": "restored"}.get(verb)
    if plain is not None:
        yield Told(f"{word}_{plain}", word, row.record_id)
        return
    for name, tell in _CHANGES.items():
        if name in row.before or name in row.after:
            yield from _sum(row, word, currencies) if name == "sum_minor" else tell(row, word)


def _stage(row: Event, word: str) -> Iterator[Told]:
    yield Told("lead_status_changed", word, row.record_id, _status(row.before.get("stage_id")), _status(row.after.get("stage_id")))


def _status(stage_id: int | None) -> Side:
    stage = pipelines.everything().stages.get(stage_id or 0)
    return [{"lead_status": {"id": names.status_of(stage), "pipeline_id": stage.pipeline_id}}] if stage else []


def _responsible(row: Event, word: str) -> Iterator[Told]:
    before, after = ([{"responsible_user": {"id": side["responsible_id"] or 0}}] if "responsible_id" in side else [] for side in (row.before, row.after))
    yield Told("entity_responsible_changed", word, row.record_id, before, after)


def _sum(row: Event, word: str, currencies: Mapping[int, str] = _NONE) -> Iterator[Told]:
    """Another sum; where its currency changed with it, each side is counted in its own."""
    currency = currencies.get(row.record_id or 0) or preferences.here().currency

    def told_of(side: Mapping[str, Any]) -> Side:
        return [{"sale_field_value": {"sale": told_price(side.get("sum_minor"), side.get("currency") or currency)}}]

    yield Told("sale_field_changed", word, row.record_id, told_of(row.before), told_of(row.after))


def _name(row: Event, word: str) -> Iterator[Told]:
    before, after = ([{"name_field_value": {"name": side["name"]}}] if "name" in side else [] for side in (row.before, row.after))
    yield Told("name_field_changed", word, row.record_id, before, after)


def _tags(row: Event, word: str) -> Iterator[Told]:
    before, after = set(row.before.get("tag_ids") or ()), set(row.after.get("tag_ids") or ())
    for pk in sorted(after - before):
        yield Told("entity_tag_added", word, row.record_id, [], _tag(row.entity, pk))
    for pk in sorted(before - after):
        yield Told("entity_tag_deleted", word, row.record_id, _tag(row.entity, pk), [])


def _tag(entity: str, pk: int) -> Side:
    return [{"tag": {"name": name}} for name in tags.names_of(entity, [pk])]


def _links(key: str, other: str) -> Callable[[Event, str], Iterator[Told]]:
    def tell(row: Event, word: str) -> Iterator[Told]:
        before, after = ({one["id"] for one in side.get(key) or () if isinstance(one, dict) and "id" in one} for side in (row.before, row.after))
        for pk in sorted(after - before):
            yield Told("entity_linked", word, row.record_id, [], [{"link": {"entity": {"type": other, "id": pk}}}])
        for pk in sorted(before - after):
            yield Told("entity_unlinked", word, row.record_id, [{"link": {"entity": {"type": other, "id": pk}}}], [])

    return tell


def _company(row: Event, word: str) -> Iterator[Told]:
    before, after = row.before.get("company_id"), row.after.get("company_id")
    if after:
        yield Told("entity_linked", word, row.record_id, [], [{"link": {"entity": {"type": "company", "id": after}}}])
    if before:
        yield Told("entity_unlinked", word, row.record_id, [{"link": {"entity": {"type": "company", "id": before}}}], [])


def _custom(row: Event, word: str) -> Iterator[Told]:
    before, after = row.before.get("custom") or {}, row.after.get("custom") or {}
    for one in custom.fields_of(row.entity):
        key = str(one.pk)
        if before.get(key) != after.get(key):
            yield Told("custom_field_value_changed", word, row.record_id, _value(one, before.get(key)), _value(one, after.get(key)), field_id=one.pk)


def _value(one: Any, stored: Any) -> Side:
    number = _NUMBERS.get(type_of(one), 1)
    each = [] if stored in (None, "", []) else stored if isinstance(stored, list) else [stored]
    chosen = one.kind in (Kind.LIST, Kind.MULTI)
    labels = {option["id"]: option["label"] for option in one.options}
    return [
        {"custom_field_value": {"field_id": one.pk, "field_type": number, "enum_id": value if chosen else None, "text": str(labels.get(value, "")) if chosen else _text(one, value)}}
        for value in each
    ]  # fmt: skip


def _text(one: Any, value: Any) -> str:
    """A value for programs: of a moment its seconds, of others what people read."""
    moment = custom.moment_in(value) if one.holds_moments else None
    return str(seconds(moment)) if moment else custom.shown(one, value if one.kind != Kind.OTHER else [value])


_CHANGES: dict[str, Callable[[Event, str], Iterator[Told]]] = {
    "stage_id": _stage, "responsible_id": _responsible, "sum_minor": _sum, "name": _name, "tag_ids": _tags, "contacts": _links("contacts", "contact"),
    "companies": _links("companies", "company"), "company_id": _company, "custom": _custom,
}  # fmt: skip


def _of_task(row: Event, verb: str) -> Iterator[Told]:
    plain = {"added": "task_added", "binned": "task_deleted", "done": "task_completed"}.get(verb)
    if plain is not None:
        yield Told(plain, "task", row.record_id)
        if verb == "done" and row.after.get("result"):
            yield Told("task_result_added", "task", row.record_id, [], [{"task": {"text": row.after["result"]}}])
        return
    shapes: dict[str, tuple[str, Callable[[Any], dict[str, Any]]]] = {
        "text": ("task_text_changed", lambda value: {"task": {"text": value}}),
        "due_at": ("task_deadline_changed", lambda value: {"task_deadline": {"timestamp": _seconds(value)}}),
        "type": ("task_type_changed", lambda value: {"task_type": {"id": TASK_TYPES.get(value, 1)}}),
    }  # fmt: skip
    for name, (type_, shape) in shapes.items():
        if name in row.after:
            yield Told(type_, "task", row.record_id, [shape(row.before.get(name))], [shape(row.after[name])])


def _seconds(value: Any) -> int | None:
    moment = reading.moment(value) if isinstance(value, str) else None
    return int(moment.timestamp()) if moment else None


def _of_note(row: Event, verb: str) -> Iterator[Told]:
    """A note is told of the record on which it stands."""
    home = next((subject for subject in row.subjects if subject.partition(":")[0] in names.SINGULARS), "")
    entity, _colon, pk = home.partition(":")
    if not pk:
        return
    side: Side = [{"note": {"id": row.record_id}}]
    if verb == "added":
        yield Told(_NOTES.get(str(row.after.get("kind", "common")), "common_note_added"), names.SINGULARS[entity], int(pk), [], side)
    elif verb == "removed":
        yield Told("common_note_deleted", names.SINGULARS[entity], int(pk), side, [])


def _of_customer(row: Event, verb: str) -> Iterator[Told]:
    """What is kept of customers; a purchase is told of the customer whose it is."""
    if row.entity == "transaction":
        home = row.after.get("parent_id")
        if verb == "added" and isinstance(home, int):
            yield Told("transaction_added", CUSTOMER, home, [], [{"transaction": {"id": row.record_id}}])
        return
    if verb in ("added", "deleted"):
        yield Told(f"customer_{verb}", CUSTOMER, row.record_id)
        return
    for name, (type_, shape) in _OF_CUSTOMERS.items():
        if name in row.after and row.before.get(name) != row.after[name]:
            before, after = ([shape(side[name])] if side.get(name) is not None else [] for side in (row.before, row.after))
            yield Told(type_, CUSTOMER, row.record_id, before, after)


_OF_CUSTOMERS: dict[str, tuple[str, Callable[[Any], dict[str, Any]]]] = {
    "status_id": ("customer_status_changed", lambda value: {"customer_status": {"id": value}}),
    "responsible_user_id": ("entity_responsible_changed", lambda value: {"responsible_user": {"id": value or 0}}),
    "name": ("name_field_changed", lambda value: {"name_field_value": {"name": value}}),
}


# All types that a row can tell, and by which of our names they come.
SOURCES: dict[str, tuple[str, ...]] = {
    **{f"{word}_{plain}": (f"{code}.{verb}",) for code, word in names.SINGULARS.items() for verb, plain in (("created", "added"), ("binned", "deleted"), ("restored", "restored"))},
    "lead_status_changed": ("deal.moved", "deal.won", "deal.lost"),
    **{
        type_: (*(f"{code}.{verb}" for code in names.SINGULARS for verb in ("changed", *(("moved", "won", "lost") if code == "deal" else ()))), "customer.changed")
        for type_ in ("entity_responsible_changed", "sale_field_changed", "name_field_changed", "entity_tag_added", "entity_tag_deleted", "entity_linked", "entity_unlinked", "custom_field_value_changed")
    },
    "task_added": ("task.added",), "task_deleted": ("task.binned",), "task_completed": ("task.done",), "task_result_added": ("task.done",),
    **dict.fromkeys(("task_text_changed", "task_deadline_changed", "task_type_changed"), ("task.changed",)),
    **dict.fromkeys(dict.fromkeys(_NOTES.values()), ("note.added",)),
    "common_note_deleted": ("note.removed",),
    "customer_added": ("customer.added",), "customer_deleted": ("customer.deleted",), "customer_status_changed": ("customer.changed",), "transaction_added": ("transaction.added",),
}  # fmt: skip
