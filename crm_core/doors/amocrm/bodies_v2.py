"""Bodies of webhooks as amoCRM sends them: a form in PHP's brackets, entity → action → number, values under the names of its API v2.

Companies come among `contacts` when they are added, changed and deleted, with their type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote_plus

from django.utils import timezone

from crm_core.groundwork.tags import services as tags
from crm_core.sales.incoming.queries import people_of, pipeline_of
from crm_platform.events.models import Event
from crm_platform.kernel import preferences, workspace
from webhooks.outbound.bodies import Heard

from . import names, storing
from .fields import values
from .records.beside import PRODUCTS
from .resources.account import TASK_TYPES, account_id
from .told import Records
from .wire.fields import seconds, told_price

# The kinds of records by the API v2's numbers, and its numbers of notes: one that it has no number for is told as one in words.
ELEMENTS = {"contact": 1, "deal": 2, "company": 3}
_COMMON_NOTE, _CUSTOMER = 4, 12
_NOTES = {"common": _COMMON_NOTE, "call_in": 10, "call_out": 11, "service_message": 25, "extended_service_message": 25, "sms_in": 102, "sms_out": 103}
Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Told:
    event: Event
    action: str
    record: Any
    records: Records


def draw(heard: Sequence[Heard]) -> list[dict[str, Any] | None]:
    """For each of them: under which entity and action it stands, and its item. None where its record is gone for good."""
    records = Records(one.event for one in heard)
    with preferences.local_time():
        return [_piece(one, records) for one in heard]


def _piece(one: Heard, records: Records) -> dict[str, Any] | None:
    action, _rest = one.setting.split("_", 1)
    record = records.of(one.event)
    if record is None:
        return None
    root, item = _DRAW[one.event.entity](_Told(one.event, action, record, records))
    return {"root": root, "action": action, "item": item}


def _lead(told: _Told) -> tuple[str, Item]:
    deal, after, before = told.record, told.event.after, told.event.before
    status, pipeline = names.status_id(after.get("stage_id", deal.stage_id)), after.get("pipeline_id", deal.pipeline_id)
    if told.action == "delete":
        return "leads", {"id": deal.pk, "status_id": status, "pipeline_id": pipeline}
    item = _common(told) | {
        "name": deal.name, "status_id": status, "price": told_price(deal.sum_minor, deal.currency), "pipeline_id": pipeline,
        "tags": _tags("deal", deal.tag_ids), "custom_fields": _custom(deal, "deal"),
    }  # fmt: skip
    if told.action == "status":
        item |= {"old_status_id": _status_before(before), "old_pipeline_id": before.get("pipeline_id", pipeline)}
    return "leads", item


def _status_before(before: Mapping[str, Any]) -> int | None:
    """A stage that is gone meanwhile keeps its number."""
    stage = before.get("stage_id")
    return None if stage is None else names.status_id(stage) or stage + names.ABOVE


def _common(told: _Told) -> Item:
    """What every record has, under the old names and the newer ones."""
    record, event = told.record, told.event
    made, changed = seconds(record.created_at), seconds(record.updated_at)
    item = {
        "id": record.pk, "responsible_user_id": record.responsible_id or 0, "last_modified": changed, "modified_user_id": event.actor_id or 0,
        "created_user_id": record.created_by or 0, "date_create": made, "account_id": account_id(), "created_at": made, "updated_at": changed,
    }  # fmt: skip
    if told.action == "responsible":
        item["old_responsible_user_id"] = event.before.get("responsible_id") or 0
    return item


def _contact(told: _Told) -> tuple[str, Item]:
    contact = told.record
    if told.action == "delete":
        return "contacts", {"id": contact.pk, "type": "contact"}
    company = told.records.companies.get(contact.pk)
    item = _common(told) | {"name": contact.name, "type": "contact", "tags": _tags("contact", contact.tag_ids), "custom_fields": _custom(contact, "contact")}
    if company is not None:
        item |= {"company_name": company.name, "linked_company_id": company.pk}
    if leads := told.records.leads.get(contact.pk):
        item["linked_leads_id"] = {str(pk): {"ID": pk} for pk in leads}
    return "contacts", item


def _company(told: _Told) -> tuple[str, Item]:
    company, root = told.record, "contacts" if told.action in ("add", "update", "delete") else "companies"
    if told.action == "delete":
        return root, {"id": company.pk, "type": "company"}
    return root, _common(told) | {"name": company.name, "type": "company", "tags": _tags("company", company.tag_ids), "custom_fields": _custom(company, "company")}


def _note(told: _Told) -> tuple[str, Item]:
    note = told.record
    made = seconds(note.created_at)
    item = {
        "id": note.pk, "note_type": _NOTES.get(note.kind, _COMMON_NOTE), "element_id": note.record_id, "element_type": ELEMENTS[note.entity], "text": note.text, "created_by": note.created_by or 0,
        "created_at": made, "updated_at": seconds(note.edited_at) or made, "date_create": made, "account_id": account_id(),
    }  # fmt: skip
    return names.PLURALS[note.entity], {"note": item | ({"params": note.params} if note.params else {})}


def _task(told: _Told) -> tuple[str, Item]:
    task, customer = told.record, told.records.customers.get(told.record.pk)
    item = _common(told) | {
        "element_id": customer or task.record_id or 0, "element_type": _CUSTOMER if customer else ELEMENTS.get(task.entity, 0), "task_type": TASK_TYPES.get(task.type, 0), "text": task.text,
        "status": int(task.done_at is not None), "complete_till": _local(task.due_at), "action_close": int(told.event.name == "task.done"),
    }  # fmt: skip
    if told.action == "delete":
        return "task", {"id": task.pk, "element_id": item["element_id"], "element_type": item["element_type"]}
    if task.done_at is not None:
        item["result"] = {"id": task.pk, "text": task.result}
    return "task", item


def _local(moment: datetime) -> str:
    return timezone.localtime(moment).strftime("%Y-%m-%d %H:%M:%S")


def _unsorted(told: _Told) -> tuple[str, Item]:
    lead = told.record
    item: Item = {"uid": lead.uid, "category": lead.category, "pipeline_id": pipeline_of(lead), "created_at": seconds(lead.received_at), "account_id": account_id()}
    if told.action == "delete":
        action = "decline" if told.event.name == "incoming.declined" else "accept"
        became = {"leads": [lead.deal_id], "contacts": people_of(lead), "companies": [told.records.firms.get(lead.deal_id)], "customers": [told.event.after.get("customer_id")]} if action == "accept" else {}
        result = {name: pks for name, each in became.items() if (pks := [pk for pk in each if pk])}
        return "unsorted", item | {"action": action, f"{action}_result": result, "modified_user_id": told.event.actor_id or 0}
    given = {plural: [one] if isinstance(one := lead.contents.get(name), dict) else one for plural, name in (("leads", "lead"), ("contacts", "contacts"), ("companies", "companies"))}
    return "unsorted", item | {"source_data": lead.metadata, "data": {name: list(each) for name, each in given.items() if each}}


def _kept(told: _Told) -> tuple[str, Item]:
    """A customer, a talk or an element of a list: the fields that it was given, and the times."""
    row, kind = told.record, told.event.entity
    root = {"customer": "customers", "talk": "talk", "element": "catalogs"}[kind]
    home = {"catalog_id": (row.parent_id or 0) + PRODUCTS} if kind == "element" else {}
    if told.action == "delete":
        return root, {"id": row.pk, **home}
    made, changed = seconds(row.created_at), seconds(row.updated_at)
    more = {"tags": _tags(kind, row.body.get("tag_ids", ())), "custom_fields": _custom(row, kind)} if kind == "customer" else {}
    item = {"talk_id" if kind == "talk" else "id": row.pk, **home, **storing.said(row), **more, "modified_user_id": told.event.actor_id or 0, "created_at": made, "updated_at": changed, "account_id": account_id()}
    old = {"status": "status_id", "responsible": "responsible_user_id"}.get(told.action)
    return root, item | ({f"old_{old}": told.event.before.get(old) or 0} if old else {})


def _customer_note(told: _Told) -> tuple[str, Item]:
    row = told.record
    kind, params, made = row.body["note_type"], row.body["params"], seconds(row.created_at)
    item = {
        "id": row.pk, "note_type": _NOTES.get(kind, _COMMON_NOTE), "element_id": row.parent_id, "element_type": _CUSTOMER, "text": str(params.get("text") or ""), "created_by": row.created_by or 0,
        "created_at": made, "updated_at": seconds(row.updated_at), "date_create": made, "account_id": account_id(),
    }  # fmt: skip
    return "customers", {"note": item | ({"params": params} if kind != "common" else {})}


_DRAW: dict[str, Callable[[_Told], tuple[str, Item]]] = {
    "deal": _lead, "contact": _contact, "company": _company, "note": _note, "task": _task, "incoming": _unsorted, "customer_note": _customer_note, **dict.fromkeys(("customer", "talk", "element"), _kept),
}  # fmt: skip


def _tags(entity: str, pks: Sequence[int]) -> list[Item]:
    known = tags.tags_of(entity)
    return [{"id": pk, "name": known[pk].name} for pk in pks if pk in known]


def _custom(record: Any, entity: str) -> list[Item]:
    """Values under the old names: `enum` for the number of a choice; choices themselves stand bare."""
    return [
        {"id": one["field_id"], "name": one["field_name"], "code": one["field_code"], "values": [_value(value) for value in one["values"]]} for one in values.draw(record, entity) or []
    ]


def _value(value: Mapping[str, Any]) -> Item:
    told = {"value": value["value"]} if "value" in value else {name: part for name, part in value.items() if name != "enum_code"}
    return told if value.get("enum_id") is None else told | {"enum": value["enum_id"]}


def write(pieces: Sequence[Mapping[str, Any]]) -> str:
    """The form of some pieces, and the account they are of; of no piece the account alone."""
    tree: dict[str, Any] = {}
    for piece in pieces:
        tree.setdefault(piece["root"], {}).setdefault(piece["action"], []).append(piece["item"])
    place = workspace.here()
    tree["account"] = {"id": account_id(), "subdomain": place.slug, "_links": {"self": workspace.url("")}}
    pairs: list[str] = []
    _flatten(tree, "", pairs)
    return "&".join(pairs)


def _flatten(value: Any, name: str, into: list[str]) -> None:
    """Brackets are quoted, as PHP sends them; empty lists and objects are left out, nothing is the empty text, yes and no are 1 and 0."""
    if isinstance(value, Mapping):
        for key, beneath in value.items():
            _flatten(beneath, f"{name}[{key}]" if name else str(key), into)
    elif isinstance(value, (list, tuple)):
        for at, beneath in enumerate(value):
            _flatten(beneath, f"{name}[{at}]", into)
    else:
        plain = "" if value is None else int(value) if isinstance(value, bool) else value
        into.append(f"{quote_plus(name)}={quote_plus(str(plain))}")
