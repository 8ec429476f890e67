"""What is told: the shape of each thing, by its name among the components. What a table of the code says already is drawn from it.

`tests/doors/test_shapes.py` asks for each of them and holds the real answers against these shapes, closed: nothing may be told
that does not stand here, and nothing of what stands here under `always` may be missing.
"""

from __future__ import annotations

from collections.abc import Mapping

from crm_core.doors.amocrm.fields.known import KIND_OF
from crm_core.doors.amocrm.happened.words import SOURCES
from crm_core.doors.amocrm.names import PLURALS, SINGULARS
from crm_core.doors.amocrm.records.collections import ALL, Collection
from crm_core.doors.amocrm.records.drawing import ADDRESSED
from crm_core.doors.amocrm.resources import bots, customers, notes, sources, talks, transactions
from crm_core.doors.amocrm.resources.catalogs import CATALOGS
from crm_core.doors.amocrm.resources.customer_notes import NOTES
from crm_core.doors.amocrm.resources.users import ACTIONS, ENTITIES
from crm_core.doors.amocrm.shelves.shelf import Shelf
from crm_core.groundwork.tags import palette

from .words import ANY, BOOL, INT, MOMENT, NUMBER, OBJECT, PK, STR, Schema, listed, maybe, one_of, ref, thing

# What each component is called, by the word of its collection.
NAMES = {"leads": "Lead", "contacts": "Contact", "companies": "Company", "customers": "Customer"}
LINKS = ref("Links")
_OWNED = {"created_by": INT, "updated_by": INT, "created_at": maybe(MOMENT), "updated_at": maybe(MOMENT)}
_LINKED = thing({"id": PK, "_links": LINKS})
_ELEMENT = thing({"id": PK, "metadata": thing({"quantity": NUMBER, "catalog_id": INT, "price_id": maybe(INT)})})
_SUBJECTS = one_of(*PLURALS.values(), "customers")

_OWN: dict[str, dict[str, Schema]] = {
    "leads": {
        "price": INT, "status_id": maybe(INT), "pipeline_id": PK, "loss_reason_id": maybe(PK), "closed_at": maybe(MOMENT), "source_id": maybe(INT), "score": maybe(INT),
        "labor_cost": maybe(INT), "is_price_modified_by_robot": BOOL,
    },
    "contacts": {"first_name": STR, "last_name": STR, "is_unsorted": BOOL},
    "companies": {},
}  # fmt: skip
_ROWS = {"loss_reason": thing({"id": PK, "name": STR, "sort": INT, "created_at": INT, "updated_at": INT, "_links": LINKS}), "catalog_elements": _ELEMENT, "contacts": thing({"id": PK, "_links": LINKS}, {"is_main": BOOL})}

_SOURCE = thing({"id": PK, "name": STR})


def _record(one: Collection) -> Schema:
    beside = {name: listed(_ROWS.get(name, _LINKED if name in ADDRESSED else OBJECT)) for name in one.links}
    always = {name: schema for name, schema in beside.items() if name in one.always}
    beside |= {"source": maybe(_SOURCE)} if one.sourced else {}
    return thing({
        "id": PK, "name": STR, **_OWN[one.plural], "responsible_user_id": maybe(PK), "group_id": INT, **_OWNED, "closest_task_at": maybe(MOMENT), "is_deleted": BOOL,
        "custom_fields_values": ref("FieldValues"), "account_id": INT, "external_id": maybe(STR), "_links": LINKS, "_embedded": thing({"tags": listed(ref("Tag")), **always}, beside),
    })  # fmt: skip


def shelved(shelf: Shelf, always: Mapping[str, Schema] | None = None, sometimes: Mapping[str, Schema] | None = None) -> Schema:
    """A kept thing: the fields of its shelf, and beside them what is told of every one."""
    fields = {name: maybe(read.schema) for name, (read, _usual) in shelf.fields.items()}
    custom = {"custom_fields_values": ref("FieldValues")} if shelf.entity else {}
    return thing({"id": INT, **fields, **_OWNED, "account_id": INT, **custom, "_links": LINKS, **(always or {})}, sometimes)


_VALUE = thing({}, {"value": ANY, "enum_id": maybe(INT), "enum_code": maybe(STR)})
_TASK_RESULT = {"anyOf": [thing({"text": STR}), {"type": "array", "maxItems": 0}]}
_STATUS = thing({"id": INT, "name": STR, "sort": INT, "is_editable": BOOL, "pipeline_id": PK, "color": STR, "type": INT, "account_id": INT, "_links": LINKS}, {"descriptions": listed(OBJECT)})
_LETTER = one_of("A", "G", "M", "D")
_RIGHTS = {
    **{name: thing(dict.fromkeys(ACTIONS, _LETTER)) for name in ENTITIES}, "tasks": thing({"edit": _LETTER, "delete": _LETTER}), "mail_access": BOOL, "catalog_access": BOOL,
    "files_access": BOOL, "status_rights": maybe(listed(OBJECT)), "catalog_rights": maybe(listed(OBJECT)), "custom_fields_rights": maybe(listed(OBJECT)),
    "oper_day_reports_view_access": OBJECT, "oper_day_user_tracking": BOOL,
}  # fmt: skip
_FIELD_BESIDE = dict.fromkeys(
    ("group_id", "required_statuses", "hidden_statuses", "chained_lists", "tracking_callback", "remind", "triggers", "currency", "search_in", "settings", "nested", "is_api_only", "is_visible"), ANY
)  # fmt: skip
_NOTE = {
    "id": PK, "entity_id": PK, **_OWNED, "responsible_user_id": INT, "group_id": INT, "note_type": one_of(*notes.TYPES), "params": OBJECT, "account_id": INT, "_links": LINKS,
}  # fmt: skip
_REVIEW = thing({"id": PK, "source_id": maybe(INT), "status": STR, "reject_reason": STR})
_AUTHOR = thing({"id": INT, "type": STR})

SHAPES: dict[str, Schema] = {
    "Address": thing({"href": {"type": "string", "format": "uri"}}),
    "Links": thing({"self": ref("Address")}),
    "PageLinks": thing({"self": ref("Address")}, dict.fromkeys(("next", "first", "prev"), ref("Address"))),
    "Tag": thing({"id": PK, "name": STR, "color": maybe(one_of(*palette.HUES))}),
    "FieldValues": {
        "type": ["array", "null"], "description": "Null where nothing is filled in.",
        "items": thing({"field_id": PK, "field_name": STR, "field_code": maybe(STR), "field_type": one_of(*KIND_OF), "values": listed({**_VALUE, "additionalProperties": True})}),
    },
    **{NAMES[one.plural]: _record(one) for one in ALL.values()},
    "Account": thing(
        {
            "id": INT, "name": STR, "subdomain": STR, "created_at": maybe(MOMENT), "created_by": INT, "updated_at": maybe(MOMENT), "updated_by": INT, "current_user_id": maybe(INT), "country": STR,
            "currency": STR, "currency_symbol": STR, "customers_mode": STR, "is_unsorted_on": BOOL, "mobile_feature_version": INT, "is_loss_reason_enabled": BOOL,
            "is_helpbot_enabled": BOOL, "is_technical_account": BOOL, "contact_name_display_order": INT, "_links": LINKS,
        },
        {
            "amojo_id": STR, "uuid": STR, "version": INT, "is_api_filter_enabled": BOOL, "entity_names": OBJECT, "invoices_settings": OBJECT, "drive_url": STR,
            "_embedded": thing({}, {
                "amojo_rights": thing({"can_direct": BOOL, "can_create_groups": BOOL}), "users_groups": listed(thing({"id": INT, "name": STR, "uuid": maybe(STR)})),
                "task_types": listed(thing({"id": INT, "name": STR, "color": maybe(STR), "icon_id": maybe(INT), "code": STR})), "datetime_settings": OBJECT,
            }),
        },
    ),
    "Change": thing({
        "id": PK, "type": STR, "entity_type": STR, "entity_id": maybe(INT), "created_at": maybe(MOMENT), "created_by": INT, "author": STR, "via": maybe(STR), "before": ANY, "after": ANY,
    }),
    "Event": thing({
        "id": STR, "type": one_of(*SOURCES), "entity_id": maybe(INT), "entity_type": one_of(*SINGULARS.values(), "task", "customer"), "created_by": INT, "created_at": maybe(MOMENT), "value_after": listed(OBJECT),
        "value_before": listed(OBJECT), "account_id": INT, "_links": LINKS, "_embedded": thing({"entity": thing({"id": maybe(INT), "_links": LINKS}, {"name": STR})}),
    }),
    "EventType": thing({"key": STR, "type": INT, "lang": STR}),
    "Rights": thing(_RIGHTS),
    "User": thing(
        {
            "id": PK, "name": STR, "email": STR, "lang": STR, "_links": LINKS,
            "rights": thing({**_RIGHTS, "is_admin": BOOL, "is_free": BOOL, "is_active": BOOL, "group_id": maybe(INT), "role_id": maybe(INT)}),
        },
        {
            "uuid": maybe(STR), "amojo_id": maybe(STR), "user_rank": maybe(STR), "phone_number": maybe(STR),
            "_embedded": thing({}, {"roles": listed(thing({"id": PK, "name": STR, "_links": LINKS})), "groups": listed(thing({"id": maybe(INT), "name": STR}))}),
        },
    ),
    "Role": thing({"id": PK, "name": STR, "rights": ref("Rights"), "_links": LINKS}, {"_embedded": thing({"users": listed(PK)})}),
    "Task": thing({
        "id": PK, **_OWNED, "responsible_user_id": maybe(PK), "group_id": INT, "entity_id": maybe(PK), "entity_type": maybe(_SUBJECTS), "is_completed": BOOL, "task_type_id": INT, "text": STR,
        "duration": INT, "complete_till": maybe(MOMENT), "result": _TASK_RESULT, "account_id": INT, "_links": LINKS,
    }),
    "Note": thing(_NOTE, {"is_pinned": BOOL}),
    "Pipeline": thing({
        "id": PK, "name": STR, "sort": INT, "is_main": BOOL, "is_unsorted_on": BOOL, "is_archive": BOOL, "account_id": INT, "_links": LINKS,
        "_embedded": thing({"statuses": listed(ref("Status"))}),
    }),
    "Status": _STATUS,
    "LossReason": thing({"id": PK, "name": STR, "sort": INT, "created_at": INT, "updated_at": INT, "_links": LINKS}),
    "Field": thing({
        "id": PK, "name": STR, "code": maybe(STR), "sort": INT, "type": one_of(*KIND_OF), "entity_type": STR, "account_id": INT, "is_predefined": BOOL, "is_deletable": BOOL, "is_computed": BOOL,
        "is_required": {"type": ["boolean", "string", "integer", "null"]}, "enums": maybe(listed(OBJECT)), "catalog_id": maybe(INT), **_FIELD_BESIDE, "_links": LINKS,
    }),
    "FieldGroup": thing({"id": STR, "name": STR, "sort": INT, "is_predefined": BOOL, "entity_type": STR, "type": STR, "fields": listed(PK), "_links": LINKS}),
    "Unsorted": thing({
        "uid": STR, "source_uid": ANY, "source_name": ANY, "category": STR, "pipeline_id": PK, "created_at": maybe(MOMENT), "metadata": OBJECT, "account_id": INT, "_links": LINKS,
        "_embedded": ref("Became"),
    }),
    "Became": thing({"leads": listed(_LINKED), "contacts": listed(_LINKED), "companies": listed(_LINKED)}, {"customers": listed(_LINKED)}),
    "Link": thing({"to_entity_id": PK, "to_entity_type": STR, "metadata": maybe(OBJECT)}, {"entity_id": PK, "entity_type": STR}),
    "Customer": shelved(
        customers.CUSTOMERS,
        {
            "closest_task_at": maybe(MOMENT), "is_deleted": BOOL, "ltv": INT, "purchases_count": INT, "average_check": INT,
            "_embedded": thing(
                {"tags": listed(ref("Tag")), "segments": listed(_LINKED)}, {name: listed(thing({"id": PK}, {"metadata": OBJECT})) for name in customers.LINKED},
            ),
        },
    ),
    "CustomerStatus": shelved(customers.STATUSES),
    "Segment": shelved(customers.SEGMENTS, {"customers_count": INT}),
    "Transaction": shelved(transactions.TRANSACTIONS, {
        "customer_id": PK, "is_deleted": BOOL, "_embedded": thing({"customer": _LINKED, "catalog_elements": listed(thing({"id": maybe(INT), "metadata": OBJECT}))}),
    }),
    "CustomerNote": shelved(NOTES, {name: _NOTE[name] for name in ("entity_id", "responsible_user_id", "group_id")}, {"is_pinned": BOOL}),
    "Catalog": shelved(CATALOGS, {"can_be_deleted": BOOL}),
    "Element": thing(
        {"id": PK, "catalog_id": INT, "name": STR, **_OWNED, "is_deleted": BOOL, "custom_fields_values": ref("FieldValues"), "account_id": INT, "_links": LINKS}, {"invoice_link": maybe(STR)}
    ),
    "ProductsSettings": thing({"is_enabled": BOOL, "catalog_id": INT, "is_default_price_update_enabled": BOOL, "updated_at": MOMENT, "account_id": INT, "_links": LINKS}),
    "Currency": thing({"id": INT, "code": STR, "symbol": STR, "is_default": BOOL, "decimals": INT}),
    "Webhook": thing({
        "id": PK, "destination": STR, "created_at": maybe(MOMENT), "updated_at": maybe(MOMENT), "account_id": INT, "created_by": INT, "sort": INT, "disabled": BOOL, "settings": listed(STR),
        "_links": LINKS,
    }),
    "Bot": shelved(bots.BOTS),
    "Source": shelved(sources.SOURCES),
    "Button": shelved(sources.BUTTONS, {"button_id": PK, "source_id": PK, "creation_status": STR, "is_duplication_control_enabled": BOOL}, {"scripts": maybe(STR)}),
    "Widget": thing({
        "id": PK, "code": STR, "version": STR, "rating": maybe(INT), "settings_template": listed(OBJECT), "is_lead_source": BOOL, "is_work_with_dp": BOOL, "is_crm_template": BOOL,
        "client_uuid": maybe(STR), "is_active_in_account": BOOL, "pipeline_id": maybe(INT), "settings": OBJECT, "account_id": INT, "updated_at": maybe(MOMENT), "_links": LINKS,
    }),
    "ShortLink": thing({"url": STR, "account_id": INT, "entity_id": maybe(PK), "entity_type": maybe(STR), "_links": LINKS}),
    "Talk": thing({
        "talk_id": PK, "created_at": maybe(MOMENT), "updated_at": maybe(MOMENT), "rate": INT, "contact_id": maybe(PK), "chat_id": maybe(STR), "entity_id": maybe(PK), "entity_type": maybe(STR),
        "is_in_work": BOOL, "is_read": BOOL, "origin": maybe(STR), "missed_at": maybe(MOMENT), "account_id": INT, "_links": LINKS,
        "_embedded": thing({name: listed(_LINKED) for name in ("contacts", "leads", "customers")}),
    }),
    "Chat": thing({"id": PK, "chat_id": STR, "contact_id": maybe(PK)}),
    "Template": shelved(talks.TEMPLATES, {"is_editable": BOOL, "is_on_review": BOOL, "review_status": maybe(STR)}, {"_embedded": thing({"reviews": listed(ref("Review"))})}),
    "Review": _REVIEW,
    "File": thing({
        "uuid": STR, "version_uuid": STR, "name": STR, "sanitized_name": STR, "size": INT, "type": STR, "is_trashed": BOOL, "created_at": maybe(MOMENT), "created_by": _AUTHOR,
        "updated_at": maybe(MOMENT), "updated_by": _AUTHOR, "deleted_at": maybe(MOMENT), "deleted_by": maybe(OBJECT), "source_id": maybe(INT),
        "metadata": thing({"extension": STR, "mime_type": STR}), "previews": listed(OBJECT), "has_multiple_versions": BOOL,
        "_links": thing({name: ref("Address") for name in ("self", "download", "download_version")}),
    }, {"is_main": BOOL}),
    "LyingFile": thing({"id": PK, "file_uuid": STR}),
}  # fmt: skip
