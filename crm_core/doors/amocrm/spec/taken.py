"""What is taken: the body of each verb that reads one, by its function. What a table of the code says already is drawn from it.

`tests/doors/test_shapes.py` sends each of them whole and holds what the code really looked at against these shapes.
Everywhere null stands for "not said"; numbers may come as text; what is not known is left aside, or refused with X-Strict.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from crm_core.doors.amocrm.drive import files, lying, sessions
from crm_core.doors.amocrm.fields.known import KIND_OF
from crm_core.doors.amocrm.names import PLURALS
from crm_core.doors.amocrm.records import links, tagging, together, verbs
from crm_core.doors.amocrm.resources import (
    bots,
    calls,
    catalogs,
    custom_fields,
    customer_leads,
    customer_links,
    customer_notes,
    customers,
    elements,
    hooks,
    notes,
    pipelines,
    ringing,
    short_links,
    sources,
    talks,
    tasks,
    test_workspaces,
    transactions,
    unsorted,
    users,
)
from crm_core.doors.amocrm.shelves import shelf as shelves
from crm_core.doors.amocrm.shelves.shelf import Shelf
from crm_core.engagement.tasks import services as task_services
from crm_core.engagement.tasks.models import LONGEST_TEXT
from crm_core.groundwork.tags import palette

from .words import ANY, BOOL, INT, MOMENT, NUMBER, OBJECT, PK, STR, Schema, listed, maybe, one_of, ref

Verb = Callable[..., Any]
WORD: Schema = {"type": ["string", "integer", "null"], "description": "Your own word for the item: the answer has it, as text."}


def given(fields: Mapping[str, Schema], *needed: str) -> Schema:
    """An object of a body: what must be said, and what may be null or left out."""
    told = {name: schema if name in needed or "$ref" in schema else maybe(schema) for name, schema in fields.items()}
    return {"type": "object", "properties": told, **({"required": [*needed]} if needed else {})}


# A value alone is taken as well as an object of one; what else stands in it is kept with fields that only programs understand.
_VALUE: Schema = {
    "type": ["object", "string", "number", "boolean", "null"], "properties": {"value": ANY, "enum_id": {"type": ["integer", "string", "null"]}, "enum_code": maybe(STR), "enum": maybe(STR)},
    "additionalProperties": True,
}  # fmt: skip
# Named, for they stand in many bodies.
SHAPES: dict[str, Schema] = {
    "TagsGiven": maybe(listed(given({"id": PK, "name": {"type": "string", "maxLength": 60}}))),
    "FieldValuesGiven": maybe(listed(given({"field_id": PK, "field_code": STR, "values": listed(_VALUE)}))),
}
TAGS, VALUES = ref("TagsGiven"), ref("FieldValuesGiven")
_TAGGED = {"tags_to_add": TAGS, "tags_to_delete": TAGS}
_NAME: Schema = {"type": "string", "maxLength": 250}
_OWN: dict[str, dict[str, Schema]] = {
    "leads": {"price": {"type": ["integer", "number", "string"]}, "status_id": INT, "pipeline_id": PK, "closed_at": MOMENT, "loss_reason_id": PK},
    "contacts": {"first_name": {"type": "string", "maxLength": 120}, "last_name": {"type": "string", "maxLength": 120}},
    "companies": {},
}
_LINKS = {"leads": ("contacts", "companies"), "contacts": ("companies",), "companies": ()}
_HISTORY = {"created_at": MOMENT, "updated_at": MOMENT, "created_by": PK, "updated_by": PK}
_ID = {"id": PK}
# Where a lead came from: one of the sources that programs declare, by the first of these that names one.
_SOURCED = {"source": given({"external_id": {"type": "string", "maxLength": 300}, "id": PK, "name": {"type": "string", "maxLength": 300}})}


def record(plural: str, *, fresh: bool) -> dict[str, Schema]:
    """The fields of a lead, contact or company as they are sent."""
    beneath = {"tags": TAGS, **({name: listed(given({"id": PK, **({"is_main": BOOL} if fresh else {})})) for name in _LINKS[plural]} if fresh else {}), **(_SOURCED if fresh and plural == "leads" else {})}
    return {
        "name": _NAME, **_OWN[plural], "responsible_user_id": PK, "custom_fields_values": VALUES, "external_id": {"type": "string", "maxLength": 200}, **_TAGGED,
        **(_HISTORY if fresh else {}), "_embedded": given(beneath),
    }  # fmt: skip


def _whole() -> Schema:
    party = {plural: listed(given({"id": PK, "is_main": BOOL, **record(plural, fresh=True)}), most=1) for plural in ("contacts", "companies")}
    metadata = {**given({"category": one_of("forms", "sip")}), "additionalProperties": True}
    return given({**record("leads", fresh=True), "_embedded": given({"tags": TAGS, **party, **_SOURCED, "metadata": metadata})})


# What a shelf's own `read` looks at beside its fields.
_MORE: dict[str, dict[str, Schema]] = {
    customers.CUSTOMER: {**_TAGGED, "_embedded": given({"tags": TAGS, "segments": listed(given(_ID))})},
    customers.TRANSACTION: {"_embedded": given({"catalog_elements": listed(given({"id": PK, "metadata": given({"catalog_id": INT, "quantity": NUMBER})}))})},
}


def shelved(shelf: Shelf, *, fresh: bool = False, many: bool = False) -> Schema:
    """A kept thing as it is sent."""
    fields = {name: read.schema for name, (read, _usual) in shelf.fields.items()}
    custom = {"custom_fields_values": VALUES} if shelf.entity else {}
    history = {"created_at": MOMENT, "created_by": PK} if fresh else {}
    return given({**(_ID if many else {}), **fields, **custom, **_MORE.get(shelf.kind, {}), **history}, *(shelf.needed if fresh else ()))


_TASK = {
    "text": {"type": "string", "maxLength": LONGEST_TEXT}, "complete_till": MOMENT, "task_type_id": INT, "task_type": INT, "responsible_user_id": PK, "is_completed": BOOL,
    "duration": {"type": "integer", "minimum": 0, "maximum": task_services.LONGEST}, "result": given({"text": {"type": "string", "maxLength": 5000}}),
}  # fmt: skip
_TASK_OF = {"entity_type": one_of(*PLURALS.values(), "customers"), "entity_id": PK}
_SORT = {"sort": {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1}}
_STATUS = {"name": {"type": "string", "maxLength": 120}, "color": STR, **_SORT}
_FIELD_NAME: dict[str, Schema] = {"name": {"type": "string", "maxLength": 120}}
_FIELD = {
    **_FIELD_NAME, "type": one_of(*KIND_OF), "code": {"type": "string", "maxLength": 80}, **_SORT, "enums": listed(given({"id": PK, "value": STR, **_SORT, "code": STR})),
    **dict.fromkeys(custom_fields.SAID, ANY), "is_required": BOOL,
}  # fmt: skip
_LINK = given(
    {"to_entity_id": PK, "to_entity_type": STR, "entity_id": PK, "metadata": given({"is_main": BOOL, "quantity": NUMBER, "catalog_id": INT, "price_id": INT})}, "to_entity_id", "to_entity_type"
)  # fmt: skip
_NOTE = {"note_type": one_of(*notes.TYPES), "params": OBJECT, "created_at": MOMENT, "created_by": PK}
_LETTER = one_of("A", "G", "M", "D", "L")
_RIGHTS = given({name: given(dict.fromkeys(users.ACTIONS, _LETTER)) for name in (*users.ENTITIES, "tasks")})
_RINGING = {"type": one_of(ringing.TYPE), "phone_number": {"type": "string", "maxLength": 60}, "users": listed(PK)}
_CALL = {
    "direction": one_of("inbound", "outbound"), "duration": {"type": "integer", "minimum": 0, "maximum": 10**7}, "source": STR, "phone": {"type": "string", "maxLength": 60}, "uniq": STR, "link": STR,
    "call_result": STR, "call_status": {"type": "integer", "minimum": 0, "maximum": 100}, "call_responsible": {"type": ["integer", "string"]}, "responsible_user_id": {"type": ["integer", "string"]},
    "created_by": PK, "created_at": MOMENT,
}  # fmt: skip
_INCOMING = given(
    {
        "source_uid": {"type": "string", "maxLength": 300}, "source_name": {"type": "string", "maxLength": 300}, "metadata": OBJECT, "pipeline_id": PK, "name": _NAME, "created_at": MOMENT,
        "_embedded": {**given({name: listed(OBJECT) for name in PLURALS.values()}), "additionalProperties": True},
    },
    "source_uid", "source_name", "metadata",
)  # fmt: skip
_ON_RECORD = {"entity_id": PK, "entity_type": STR}
_TALK = {"is_read": BOOL, "rate": {"type": "integer", "minimum": 0, "maximum": 100}}


class Many:
    """A list of items, or one of them alone; the client's own word stands in each."""

    def __init__(self, item: Schema) -> None:
        self.item = {**item, "properties": {**item["properties"], "request_id": WORD}}


Taken = Schema | Many
BODIES: dict[Verb, Callable[..., Taken]] = {
    verbs.make: lambda plural: Many(given(record(plural, fresh=True))),
    verbs.change_many: lambda plural: Many(given({**_ID, **record(plural, fresh=False)}, "id")),
    verbs.change: lambda plural: given(record(plural, fresh=False)),
    verbs.upsert: lambda plural: Many(given(record(plural, fresh=True), "external_id")),
    together.make: lambda: Many(_whole()),
    tagging.make: lambda plural: Many(given(_tag(plural), "name")),
    tagging.change_many: lambda plural: Many(given({**_ID, **_tag(plural)}, "id")),
    links.link: lambda plural: Many(_LINK), links.unlink: lambda plural: Many(_LINK), customer_links.link: lambda: Many(_LINK), customer_links.unlink: lambda: Many(_LINK),
    notes.make: lambda plural: Many(given({"entity_id": PK, **_NOTE})),
    notes.change_many: lambda plural: Many(given({**_ID, "params": OBJECT}, "id")),
    notes.change: lambda plural: given({"params": OBJECT}),
    customer_notes.make: lambda: Many(given({"entity_id": PK, **_NOTE})),
    customer_notes.change_many: lambda: Many(given({**_ID, "params": OBJECT}, "id")),
    customer_notes.change: lambda: given({"params": OBJECT}),
    tasks.make: lambda: Many(given({**_TASK, **_TASK_OF}, "text", "complete_till")),
    tasks.change_many: lambda: Many(given({**_ID, **_TASK, **_TASK_OF}, "id")),
    tasks.change: lambda: given({**_TASK, **_TASK_OF}),
    unsorted.make_form: lambda: Many(_INCOMING), unsorted.make_call: lambda: Many(_INCOMING),
    unsorted.accept: lambda: given({"user_id": PK, "status_id": INT}),
    unsorted.link: lambda: given({"link": given({"entity_type": one_of(*PLURALS.values(), customer_leads.CUSTOMERS), "entity_id": PK, "metadata": given({"contact_id": PK})}, "entity_id", "entity_type")}, "link"),
    pipelines.make: lambda: Many(given({**_FIELD_NAME, **_SORT, "_embedded": given({"statuses": listed(given({**_ID, **_STATUS}))})}, "name")),
    pipelines.change: lambda: given({**_FIELD_NAME, **_SORT, "is_main": BOOL}),
    pipelines.make_statuses: lambda: Many(given(_STATUS, "name")), pipelines.change_status: lambda: given(_STATUS),
    pipelines.make_reasons: lambda: Many(given(_FIELD_NAME, "name")), pipelines.change_reasons: lambda: Many(given({**_ID, **_FIELD_NAME}, "id", "name")),
    pipelines.change_reason: lambda: given(_FIELD_NAME, "name"),
    custom_fields.make: lambda entity="", path="": Many(given(_FIELD, "name")),
    custom_fields.change_many: lambda entity="", path="": Many(given({**_ID, **_FIELD}, "id")),
    custom_fields.change: lambda entity="", path="": given(_FIELD),
    custom_fields.make_groups: lambda entity="", path="": Many(given({**_FIELD_NAME, **_SORT, "fields": listed(PK)}, "name")),
    custom_fields.change_group: lambda entity="", path="": given({**_FIELD_NAME, **_SORT, "fields": listed(PK)}),
    users.make: lambda: Many(given({"email": {"type": "string", "maxLength": 254}, "name": _NAME, "lang": STR, "rights": given({"role_id": PK, "is_admin": BOOL, "group_id": PK})}, "email")),
    users.activate: lambda: Many(given(_ID, "id")), users.deactivate: lambda: Many(given(_ID, "id")),
    users.make_roles: lambda: Many(given({**_FIELD_NAME, "rights": _RIGHTS}, "name")), users.change_role: lambda: given({**_FIELD_NAME, "rights": _RIGHTS}),
    shelves.make: lambda shelf, bare=False: Many(shelved(shelf, fresh=True)),
    shelves.change_many: lambda shelf: Many(shelved(shelf, many=True)), shelves.change: lambda shelf: shelved(shelf),
    shelves.delete_many: lambda shelf: Many(given(_ID, "id")),
    customers.make: lambda: Many(shelved(customers.CUSTOMERS, fresh=True)), customers.change_many: lambda: Many(shelved(customers.CUSTOMERS, many=True)),
    customers.change: lambda: shelved(customers.CUSTOMERS),
    customers.change_mode: lambda: given({"mode": one_of("segments", "periodicity", "disabled"), "is_enabled": BOOL}),
    customers.bonus: lambda: given({name: {"type": "integer", "minimum": 0, "maximum": 10**12} for name in ("earn", "redeem")}),
    transactions.make: lambda: Many(_purchase()),
    catalogs.make: lambda: Many(shelved(catalogs.CATALOGS, fresh=True)), catalogs.change_many: lambda: Many(shelved(catalogs.CATALOGS, many=True)),
    catalogs.change: lambda: shelved(catalogs.CATALOGS),
    catalogs.change_settings: lambda: given({"enable": BOOL, "is_enabled": BOOL, "is_default_price_update_enabled": BOOL}),
    elements.make: lambda: Many(given({"name": _NAME, "custom_fields_values": VALUES, "created_at": MOMENT, "created_by": PK}, "name")),
    elements.change_many: lambda: Many(given({**_ID, "name": _NAME, "custom_fields_values": VALUES}, "id")), elements.change: lambda: given({"name": _NAME, "custom_fields_values": VALUES}),
    hooks.subscribe: lambda: given({"destination": {"type": "string", "format": "uri", "maxLength": 1000}, "settings": listed(STR), **_SORT}, "destination", "settings"),
    hooks.unsubscribe: lambda: given({"destination": {"type": "string", "maxLength": 1000}}, "destination"),
    sources.make_button: lambda: shelved(sources.BUTTONS, fresh=True),
    sources.change_button: lambda: given({**shelved(sources.BUTTONS)["properties"], "trusted_websites": {"anyOf": [given({"add": listed(STR)}), listed(STR)]}}),
    sources.install: lambda: {**given({}), "additionalProperties": True},
    short_links.make: lambda: Many(given({"url": {"type": "string", "format": "uri", "maxLength": 2000}, "metadata": given(_ON_RECORD)}, "url")),
    bots.run_many: lambda: Many(given({"bot_id": PK, **_ON_RECORD}, "bot_id", "entity_id", "entity_type")), bots.run: lambda: Many(given(_ON_RECORD, "entity_id", "entity_type")),
    bots.stop: lambda: given({"entity_id": PK}, "entity_id"), bots.go_on: lambda: given({"data": {"type": ["object", "array"]}, "execute_handlers": listed(ANY)}),
    test_workspaces.make: lambda: given({"name": {"type": "string", "maxLength": 80}}),
    calls.make: lambda: Many(given(_CALL, "direction", "duration", "source", "phone")),
    ringing.ring: lambda: given({"add": listed(given(_RINGING, "type", "phone_number"), most=ringing.MOST)}, "add"),
    talks.make_talks: lambda: Many(given({"contact_id": PK, "entity_id": PK, "entity_type": one_of("lead", "customer"), "chat_id": STR, "origin": STR, **_TALK})),
    talks.change_talk: lambda: given(_TALK), talks.close: lambda: given({"force_close": BOOL}),
    talks.link_chats: lambda: Many(given({"contact_id": PK, "chat_id": STR}, "contact_id", "chat_id")),
    talks.decide: lambda: given({"status": one_of("approved", "review", "paused", "rejected"), "reject_reason": STR}, "status"),
    lying.put: lambda plural: Many(given({"file_uuid": STR}, "file_uuid")), lying.take: lambda plural: Many(given({"file_uuid": STR}, "file_uuid")),
    files.change: lambda: given({"name": {"type": "string", "maxLength": 200}}, "name"),
    files.delete: lambda: Many(given({"uuid": STR}, "uuid")), files.restore: lambda: Many(given({"uuid": STR}, "uuid")),
    sessions.begin: lambda: given({"file_name": {"type": "string", "maxLength": 255}, "file_size": {"type": "integer", "minimum": 1}, "content_type": STR}, "file_name", "file_size"),
}  # fmt: skip
# These take bytes as they are.
RAW = frozenset({sessions.part})


def _tag(plural: str) -> dict[str, Schema]:
    """A tag's word, and its colour where tags have one."""
    return {"name": {"type": "string", "maxLength": tagging.MOST_LETTERS}, **({"color": one_of(*palette.HUES)} if plural == tagging.COLOURED else {})}


def _purchase() -> Schema:
    """A purchase, and what is awaited of the customer after it."""
    whole = shelved(transactions.TRANSACTIONS, fresh=True)
    return {**whole, "properties": {**whole["properties"], **{name: maybe(read.schema) for name, read in transactions.AWAITED.items()}}}
