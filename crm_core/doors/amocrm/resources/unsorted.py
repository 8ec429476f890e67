"""Incoming leads, the API's unsorted: taken in, listed, accepted, declined, linked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.http import HttpResponse

from crm_core.doors.amocrm import names
from crm_core.doors.amocrm.resources import customer_leads, joined
from crm_core.doors.amocrm.resources.account import account_id
from crm_core.doors.amocrm.resources.customer_leads import CUSTOMERS
from crm_core.doors.amocrm.wire import answers, brackets, cursors
from crm_core.doors.amocrm.wire.asking import Asked, wholes
from crm_core.doors.amocrm.wire.fields import Item, items_of, seconds, settle, stretch
from crm_core.doors.amocrm.wire.problems import BadRequest
from crm_core.sales.deals.permissions import DEALS
from crm_core.sales.incoming import reading_job, services
from crm_core.sales.incoming.models import IncomingLead
from crm_core.sales.pipelines import queries as pipelines
from crm_platform.kernel.access import Act
from crm_platform.kernel.permissions import Actor, require, still

# One that waits was not changed since it came: both orders are one.
FILTERS, ORDERS = ("uid", "category", "pipeline_id"), ("created_at", "updated_at")
_CHOICE = "The value you selected is not a valid choice."
# What the API keeps apart in `metadata` beside what it says of every source.
_SOURCE = ("source_uid", "source_name")


def index(asked: Asked) -> HttpResponse:
    """A page of the leads that wait; `filter` by uid, category and pipeline; the newest first, or in the `order` of their coming."""
    asked.knows(FILTERS, orders=ORDERS)
    rows, asks = services.waiting(asked.actor), asked.filters
    if "uid" in asks:
        rows = rows.filter(uid__in=brackets.values(asks["uid"])[: asked.most])
    if "category" in asks:
        rows = rows.filter(category__in=brackets.values(asks["category"]))
    if "pipeline_id" in asks:
        rows = rows.filter(services.goes_into(wholes(asks["pipeline_id"])))
    name, down = asked.order or ("", True)
    down = down or name not in ORDERS
    page, more, cursor = cursors.page_of(asked, rows, "received_at", down=down)
    return answers.page(asked, "unsorted", [draw(asked, lead) for lead in page], more=more, cursor=cursor)


def show(asked: Asked, uid: str) -> HttpResponse:
    """One lead, decided or not."""
    return answers.told(draw(asked, services.get(asked.actor, uid)))


def draw(asked: Asked, lead: IncomingLead) -> dict[str, Any]:
    """A lead as the API tells it; the ids under `_embedded` are those of what became of it."""
    metadata = {name: value for name, value in lead.metadata.items() if name not in _SOURCE}
    return {
        "uid": lead.uid, "source_uid": lead.metadata.get("source_uid"), "source_name": lead.metadata.get("source_name") or (lead.source.name if lead.source else None),
        "category": lead.category, "pipeline_id": services.pipeline_of(lead), "created_at": seconds(lead.received_at), "metadata": metadata,
        "account_id": account_id(), "_links": answers.href(asked, f"leads/unsorted/{lead.uid}"), "_embedded": _became(asked, lead),
    }  # fmt: skip


def _became(asked: Asked, lead: IncomingLead) -> dict[str, Any]:
    """What was made of it, or what it was put to: its lead with the company of that, all its contacts, its customer."""

    def some(path: str, pks: Iterable[int | None]) -> list[dict[str, Any]]:
        return [{"id": pk, "_links": answers.href(asked, f"{path}/{pk}")} for pk in pks if pk]

    told = {"leads": some("leads", [lead.deal_id]), "contacts": some("contacts", services.people_of(lead)), "companies": some("companies", services.firms_of([lead]).values())}
    customer = customer_leads.of(lead)
    return told if customer is None else {**told, CUSTOMERS: some(CUSTOMERS, [customer])}


def make_form(asked: Asked) -> HttpResponse:
    """Take leads from forms in."""
    return _make(asked, "forms")


def make_call(asked: Asked) -> HttpResponse:
    """Take leads from calls in."""
    return _make(asked, "sip")


def may_bring(actor: Actor) -> None:
    """Raise Forbidden unless the actor may bring leads in: whoever may make deals, and also while a bill is open, when they wait under seal."""
    require(still(actor, Act.INTAKE), DEALS.CREATE)


def _make(asked: Asked, category: str) -> HttpResponse:
    may_bring(asked.actor)
    items = items_of(asked.items)
    for item in items:
        for name in ("source_uid", "source_name"):
            if not item.text(name, most=300):
                item.fault(name, "This value should not be blank.", code="IsBlank")
        if item.body.get("metadata") is None:
            item.fault("metadata", "This value should not be blank.", code="IsBlank")
        _pipeline(item)
        item.moment("created_at")
        item.beneath("metadata")
    settle(items)
    made = [take(item, category) for item in items]
    told = [
        {"uid": lead.uid, "account_id": account_id(), "request_id": item.request_id, "_links": answers.href(asked, f"leads/unsorted/{lead.uid}"), "_embedded": _became(asked, lead)}
        for item, lead in zip(items, made, strict=True)
    ]
    return answers.made(asked, "unsorted", told, _total_items=len(told))


def _pipeline(item: Item) -> int | None:
    given = item.whole("pipeline_id")
    if given is not None and not any(one.pk == given for one in pipelines.active()):
        item.fault("pipeline_id", _CHOICE, code="NotSupportedChoice")
        return None
    return given


def take(item: Item, category: str) -> IncomingLead:
    """Keep a lead as it came: its entities are read as all leads are, so the plan's limits are met when it is accepted."""
    metadata = {**{name: item.text(name, most=300) for name in _SOURCE if item.given(name)}, **item.beneath("metadata").body}
    return services.take(joined.of(item.text("source_uid", most=300)), {"_embedded": item.beneath("_embedded").body, "metadata": metadata, "name": item.text("name") or None}, category=category, metadata=metadata, pipeline_id=_pipeline(item), came_at=item.moment("created_at"))


def take_whole(item: Item, category: str) -> IncomingLead:
    """The same of a whole lead (POST /leads/complex) whose metadata say that it comes from a form or a call; `_embedded.source` names its source."""
    embedded = item.beneath("_embedded").body
    metadata = dict(embedded.get("metadata") or {})
    lead = {name: value for name, value in item.body.items() if name != "_embedded"}
    source = joined.declared([item]).get(item.at)
    if source is not None:
        metadata = {"source_uid": source.key, "source_name": str(source.body.get("name") or ""), **metadata}
    said = {"_embedded": {**{name: rows for name, rows in embedded.items() if name not in ("metadata", "source")}, "leads": [lead]}, "metadata": metadata}
    return services.take(joined.ours(source) if source is not None else None, said, category=category, metadata=metadata, pipeline_id=_pipeline(item), came_at=item.moment("created_at"))


def accept(asked: Asked, uid: str) -> HttpResponse:
    """Make a lead of it, with contact and company, in the status and for the person that are named."""
    item = Item(asked.item)
    lead = services.get(asked.actor, uid)
    reading_job.read_now(lead)
    status = item.whole("status_id")
    stage = names.stage_of(status, pipeline_id=services.pipeline_of(lead)) if status is not None else None
    if status is not None and stage is None:
        item.fault("status_id", _CHOICE, code="NotSupportedChoice")
    settle([item])
    with item.refused_here():
        lead = services.accept(asked.actor, uid, user_id=item.whole("user_id") or None, stage_id=stage.pk if stage else None)
    return _decided(asked, lead)


def _decided(asked: Asked, lead: IncomingLead) -> HttpResponse:
    told = draw(asked, lead)
    return answers.told({name: told[name] for name in ("uid", "category", "pipeline_id", "created_at", "account_id", "_links", "_embedded")})


def decline(asked: Asked, uid: str) -> HttpResponse:
    """Nothing comes of it; it can be put back on the screen."""
    return _decided(asked, services.decline(asked.actor, uid))


def link(asked: Asked, uid: str) -> HttpResponse:
    """Put it to a lead, a contact or a customer that is there already; `metadata.contact_id` names who speaks."""
    item = Item(asked.item)
    given = item.beneath("link")
    entity, pk = given.text("entity_type"), given.whole("entity_id")
    if entity not in (*names.CODES, CUSTOMERS) or pk is None:
        given.fault("entity_type" if pk is not None else "entity_id", _CHOICE, code="NotSupportedChoice")
    settle([item])
    reading_job.read_now(services.get(asked.actor, uid))
    contact_id = given.beneath("metadata").whole("contact_id")
    with item.refused_here():
        if entity == CUSTOMERS:
            lead = customer_leads.link(asked.actor, uid, pk or 0, contact_id=contact_id)
        else:
            lead = services.link(asked.actor, uid, entity=names.CODES[entity], pk=pk or 0, contact_id=contact_id)
    return _decided(asked, lead)


def summary(asked: Asked) -> HttpResponse:
    """Figures of the last thirty days, or of `filter[created_at]`."""
    asked.knows(("pipeline_id", "created_at"))
    asks = asked.filters
    since, before = stretch(asks.get("created_at"))
    found = services.summary(asked.actor, since=since, before=before, pipeline_ids=wholes(asks["pipeline_id"]) if "pipeline_id" in asks else None)
    categories = {name: {"total": found["categories"].get(name, 0)} for name in ("sip", "mail", "forms", "chats")}
    told = {"total": found["total"], "accepted": found["accepted"], "declined": found["declined"], "average_sort_time": found["average_sort_seconds"], "categories": categories}
    return answers.told({**told, "_links": answers.href(asked, "leads/unsorted/summary")})


def category_of(item: Item) -> str:
    """What `_embedded.metadata` of a whole lead says it is; "" where it goes straight to the board. Raises BadRequest for another."""
    metadata = item.beneath("_embedded").body.get("metadata")
    category = metadata.get("category", "") if isinstance(metadata, dict) else ""
    if category not in ("", "forms", "sip"):
        raise BadRequest(detail="metadata.category must be forms or sip.")
    return str(category)
