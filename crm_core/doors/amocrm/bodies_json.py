"""Bodies of webhooks in JSON: one event each, its record under the names of the API v4, and what stood there before."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

from crm_core.groundwork.tags import services as tags
from crm_core.sales.incoming.queries import people_of, pipeline_of
from crm_core.sales.pipelines import queries as pipelines
from crm_core.sales.pipelines import unsaid
from crm_platform.events.models import Event
from crm_platform.kernel import clock, workspace
from webhooks.outbound.bodies import Heard

from . import names, storing
from .fields import values
from .records import tagging
from .resources.account import TASK_TYPES, account_id
from .told import Records
from .wire.fields import seconds, told_price

_VERBS = {"created": "added", "binned": "deleted"}
_ENTITIES = {**names.SINGULARS, "note": "note", "task": "task", "incoming": "unsorted", "customer": "customer", "customer_note": "note", "talk": "talk", "element": "catalog_element"}
Data = dict[str, Any]


def draw(heard: Sequence[Heard]) -> list[Data | None]:
    """For each of them what `write` puts together; None where its record is gone for good."""
    records = Records(one.event for one in heard)
    return [_piece(one, records) for one in heard]


def _piece(one: Heard, records: Records) -> Data | None:
    event, record = one.event, records.of(one.event)
    if record is None:
        return None
    verb = event.name.partition(".")[2]
    return {
        "type": f"{_ENTITIES[event.entity]}.{_VERBS.get(verb, verb)}", "setting": one.setting, "at": event.at.isoformat(), "event": event.pk,
        "by": {"id": event.actor_id, "name": event.actor_name, "kind": event.actor_kind}, "data": _DRAW[event.entity](record, records), "before": _before(event),
    }  # fmt: skip


def _before(event: Event) -> Data:
    """What stood there, where it changed: stage, pipeline, person and name."""
    known: dict[str, tuple[str, Callable[[Any], Any]]] = {
        "stage_id": ("status_id", names.status_id), "pipeline_id": ("pipeline_id", int), "responsible_id": ("responsible_user_id", int), "name": ("name", str),
        "text": ("text", str),
    }  # fmt: skip
    return {there: None if event.before[ours] is None else show(event.before[ours]) for ours, (there, show) in known.items() if ours in event.before}


def _record(record: Any, entity: str) -> Data:
    known = tags.tags_of(entity)
    return {
        "id": record.pk, "name": record.name, "responsible_user_id": record.responsible_id, "created_by": record.created_by, "created_at": seconds(record.created_at),
        "updated_at": seconds(record.updated_at), "is_deleted": record.binned_at is not None, "custom_fields_values": values.draw(record, entity), "account_id": account_id(),
        "_embedded": {"tags": [tagging.told(known[pk]) for pk in record.tag_ids if pk in known]},
    }  # fmt: skip


def _lead(deal: Any, records: Records) -> Data:
    told = _record(deal, "deal") | {
        "price": told_price(deal.sum_minor, deal.currency), "status_id": names.status_id(deal.stage_id),
        "pipeline_id": deal.pipeline_id, "loss_reason_id": None if unsaid.is_unsaid(pipelines.everything(), deal.lost_reason_id) else deal.lost_reason_id, "closed_at": seconds(deal.closed_at), "closest_task_at": seconds(deal.next_task_at),
    }  # fmt: skip
    told["_embedded"] |= {
        "contacts": [{"id": pk, "is_main": at == 0} for at, pk in enumerate(records.contacts.get(deal.pk, ()))],
        "companies": [{"id": deal.company_id}] if deal.company_id else [],
    }
    return told


def _contact(contact: Any, records: Records) -> Data:
    told = _record(contact, "contact") | {"first_name": contact.first_name, "last_name": contact.last_name}
    company = records.companies.get(contact.pk)
    told["_embedded"] |= {"companies": [{"id": company.pk}] if company else [], "leads": [{"id": pk} for pk in records.leads.get(contact.pk, ())]}
    return told


def _company(company: Any, records: Records) -> Data:
    return _record(company, "company")


def _note(note: Any, records: Records) -> Data:
    return {
        "id": note.pk, "entity_id": note.record_id, "entity_type": names.PLURALS[note.entity], "note_type": note.kind, "params": {"text": note.text} | note.params,
        "created_by": note.created_by, "created_at": seconds(note.created_at), "account_id": account_id(),
    }  # fmt: skip


def _task(task: Any, records: Records) -> Data:
    customer = records.customers.get(task.pk)
    return {
        "id": task.pk, "text": task.text, "task_type_id": TASK_TYPES.get(task.type), "responsible_user_id": task.responsible_id, "entity_id": customer or task.record_id,
        "entity_type": "customers" if customer else names.PLURALS.get(task.entity), "is_completed": task.done_at is not None, "result": {"text": task.result} if task.result else [],
        "complete_till": seconds(task.due_at), "duration": task.duration, "created_by": task.created_by, "created_at": seconds(task.created_at), "updated_at": seconds(task.updated_at),
        "account_id": account_id(),
    }  # fmt: skip


def _unsorted(lead: Any, records: Records) -> Data:
    became, customer = {"leads": lead.deal_id, "companies": records.firms.get(lead.deal_id)}, records.put_to.get(lead.pk)
    return {
        "uid": lead.uid, "category": lead.category, "pipeline_id": pipeline_of(lead), "created_at": seconds(lead.received_at), "state": lead.state, "metadata": lead.metadata,
        "account_id": account_id(), "_embedded": {**{name: [{"id": pk}] if pk else [] for name, pk in became.items()}, "contacts": [{"id": pk} for pk in people_of(lead)], **({"customers": [{"id": customer}]} if customer else {})},
    }  # fmt: skip


def _kept(row: Any, records: Records) -> Data:
    return {"id": row.pk, **storing.said(row), "created_by": row.created_by, "created_at": seconds(row.created_at), "updated_at": seconds(row.updated_at), "is_deleted": row.deleted_at is not None, "account_id": account_id()}


def _customer_note(row: Any, records: Records) -> Data:
    return {"id": row.pk, "entity_id": row.parent_id, "entity_type": "customers", "note_type": row.body["note_type"], "params": row.body["params"], "created_by": row.created_by, "created_at": seconds(row.created_at), "account_id": account_id()}


_DRAW: dict[str, Callable[[Any, Records], Data]] = {
    "deal": _lead, "contact": _contact, "company": _company, "note": _note, "task": _task, "incoming": _unsorted, "customer_note": _customer_note, **dict.fromkeys(("customer", "talk", "element"), _kept),
}  # fmt: skip


def write(pieces: Sequence[Mapping[str, Any]]) -> str:
    """The body of an event, under all settings it was asked for by; of none a test."""
    account = {"id": account_id(), "subdomain": workspace.here().slug}
    if not pieces:
        return _text({"type": "test", "timestamp": clock.real_now().isoformat(), "account": account, "data": {}})
    first = pieces[0]
    kept = {name: first[name] for name in ("event", "by", "data", "before")}
    return _text({"type": first["type"], "timestamp": first["at"], "settings": [piece["setting"] for piece in pieces], "account": account, **kept})


def _text(body: Data) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), cls=DjangoJSONEncoder)
