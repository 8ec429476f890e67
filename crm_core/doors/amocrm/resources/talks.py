"""Conversations of messengers as programs keep them here: talks, the chats of contacts, templates of messages with their reviews."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpResponse

from crm_core.doors.amocrm import storing
from crm_core.doors.amocrm.models import Stored
from crm_core.doors.amocrm.records import collections
from crm_core.doors.amocrm.records.taking import visible
from crm_core.doors.amocrm.resources.account import account_id
from crm_core.doors.amocrm.shelves import reading
from crm_core.doors.amocrm.shelves.shelf import Shelf
from crm_core.doors.amocrm.wire import answers, brackets, cursors
from crm_core.doors.amocrm.wire.asking import Asked, whole
from crm_core.doors.amocrm.wire.fields import Item, items_of, seconds, settle
from crm_core.doors.amocrm.wire.problems import BadRequest

TALK, CHAT, REVIEW = "talk", "chat", "template_review"
_CHOICE = "The value you selected is not a valid choice."


def talks(asked: Asked) -> HttpResponse:
    """A page of talks."""
    rows = storing.rows(asked.actor, TALK)
    for name in ("contact_id", "entity_id"):
        if name in asked.filters:
            rows = rows.filter(**{f"body__{name}__in": [whole(one) for one in brackets.values(asked.filters[name])[:250]]})
    page, more, cursor = cursors.page_of(asked, rows, "id", down=True)
    return answers.page(asked, "talks", [_talk(asked, row) for row in page], more=more, cursor=cursor)


def _talk(asked: Asked, row: Stored) -> dict[str, Any]:
    said = row.body
    contact, entity, kind = said.get("contact_id"), said.get("entity_id"), said.get("entity_type")
    return {
        "talk_id": row.pk, "created_at": seconds(row.created_at), "updated_at": seconds(row.updated_at), "rate": said.get("rate", 0), "contact_id": contact,
        "chat_id": said.get("chat_id"), "entity_id": entity, "entity_type": kind, "is_in_work": said.get("is_in_work", True), "is_read": said.get("is_read", True),
        "origin": said.get("origin"), "missed_at": said.get("missed_at"), "account_id": account_id(), "_links": answers.href(asked, f"talks/{row.pk}"),
        "_embedded": {
            "contacts": [{"id": contact, "_links": answers.href(asked, f"contacts/{contact}")}] if contact else [],
            **{plural: [{"id": entity, "_links": answers.href(asked, f"{plural}/{entity}")}] if kind == singular and entity else [] for plural, singular in (("leads", "lead"), ("customers", "customer"))},
        },
    }  # fmt: skip


def talk(asked: Asked, pk: int) -> HttpResponse:
    """One talk."""
    return answers.told(_talk(asked, storing.get(asked.actor, TALK, pk)))


def make_talks(asked: Asked) -> HttpResponse:
    """Begin talks, all of them or none: with which contact, about which lead, in which chat."""
    items, given = items_of(asked.items), []
    for item in items:
        contact, entity = item.whole("contact_id"), item.whole("entity_id")
        kind = reading.choice("lead", "customer")(item, "entity_type") or ("lead" if entity else None)
        if contact is not None and contact not in visible(asked.actor, collections.CONTACTS, [contact]):
            item.fault("contact_id", _CHOICE, code="NotSupportedChoice")
        if entity is not None and not _stands(asked, kind, entity):
            item.fault("entity_id", _CHOICE, code="NotSupportedChoice")
        body = {"contact_id": contact, "entity_id": entity, "entity_type": kind, "chat_id": item.text("chat_id") or str(uuid.uuid4()), "origin": item.text("origin") or None}
        given.append({"body": {**body, "is_in_work": True, "is_read": item.flag("is_read") is not False, "rate": item.whole("rate", least=0, most=100) or 0}})
    settle(items)
    rows = storing.add(asked.actor, TALK, given)
    return answers.made(asked, "talks", [{**_talk(asked, row), "request_id": item.request_id} for row, item in zip(rows, items, strict=True)])


def _stands(asked: Asked, kind: str | None, pk: int) -> bool:
    if kind == "customer":
        return storing.rows(asked.actor, "customer").filter(pk=pk).exists()
    return pk in visible(asked.actor, collections.LEADS, [pk])


def change_talk(asked: Asked, pk: int) -> HttpResponse:
    """Say that a talk was read, or how it was."""
    item = Item(asked.item)
    row = storing.get(asked.actor, TALK, pk, lock=True)
    body = {name: value for name, value in (("is_read", item.flag("is_read")), ("rate", item.whole("rate", least=0, most=100))) if value is not None}
    settle([item])
    return answers.told(_talk(asked, storing.change(asked.actor, row, body=body)))


def close(asked: Asked, pk: int) -> HttpResponse:
    """End a talk."""
    item = Item(asked.item)
    item.flag("force_close")
    settle([item])
    storing.change(asked.actor, storing.get(asked.actor, TALK, pk, lock=True), body={"is_in_work": False})
    return answers.nothing(status=202)


def chats(asked: Asked) -> HttpResponse:
    """Which chats contacts have; `contact_id` or `chat_id` must name them."""
    asks: Mapping[str, Any] = {**asked.query, **asked.filters}
    contacts, ids = [whole(one) for one in brackets.values(asks.get("contact_id"))][:250], brackets.values(asks.get("chat_id"))[:250]
    if not contacts and not ids:
        raise BadRequest(detail="contact_id or chat_id must be given.")
    rows = storing.rows(asked.actor, CHAT)
    rows = rows.filter(parent_id__in=visible(asked.actor, collections.CONTACTS, contacts)) if contacts else rows
    rows = rows.filter(body__chat_id__in=ids) if ids else rows
    seen = visible(asked.actor, collections.CONTACTS, [row.parent_id for row in rows if row.parent_id])
    return answers.page(asked, "chats", [_chat(row) for row in rows if row.parent_id in seen])


def _chat(row: Stored) -> dict[str, Any]:
    return {"id": row.pk, "chat_id": row.body["chat_id"], "contact_id": row.parent_id}


def link_chats(asked: Asked) -> HttpResponse:
    """Say that a chat is a contact's, all of them or none."""
    items = items_of(asked.items)
    seen = visible(asked.actor, collections.CONTACTS, [pk for item in items if (pk := item.whole("contact_id")) is not None])
    rows = []
    for item in items:
        reading.needed(item, ["chat_id"])
        if item.whole("contact_id") not in seen:
            item.fault("contact_id", _CHOICE, code="NotSupportedChoice")
    settle(items)
    for item in items:
        contact, chat = item.whole("contact_id"), item.text("chat_id")
        key = f"{contact}:{chat}"
        row = storing.by_key(asked.actor, CHAT, key) or storing.add(asked.actor, CHAT, [{"key": key, "body": {"chat_id": chat}}], parent_id=contact)[0]
        rows.append({**_chat(row), "request_id": item.request_id})
    return answers.made(asked, "chats", rows)


def _beside(asked: Asked, rows: Sequence[Stored]) -> dict[int, dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {row.pk: {"is_editable": True, "is_on_review": False, "review_status": None} for row in rows}
    told: dict[int, list[dict[str, Any]]] = {}
    for review in Stored.objects.filter(kind=REVIEW, parent_id__in=list(found), deleted_at=None).order_by("pk"):
        status = review.body["status"]
        found[review.parent_id or 0] |= {"is_on_review": status == "review", "review_status": status}
        told.setdefault(review.parent_id or 0, []).append({"id": review.pk, "source_id": None, "status": status, "reject_reason": review.body.get("reject_reason", "")})
    if "reviews" in asked.wants:
        for pk, row in found.items():
            row["_embedded"] = {"reviews": told.get(pk, [])}
    return found


TEMPLATES = Shelf(
    kind="template", plural="chat_templates", path="chats/templates", keyed="external_id", needed=("name", "content"), beside=_beside,
    fields={
        "name": (reading.text(), ""), "content": (reading.text(most=20_000), ""), "external_id": (reading.text(most=300), None), "type": (reading.choice("amocrm", "waba"), "amocrm"),
        "buttons": (reading.listed, []), "attachment": (reading.any_of(dict), None), "waba_header": (reading.text(most=1000), None), "waba_header_type": (reading.text(), None),
        "waba_footer": (reading.text(most=1000), None), "waba_category": (reading.text(), None), "waba_language": (reading.text(), None),
        "waba_examples": (reading.any_of(dict, list), {}),
    },
)  # fmt: skip


def review(asked: Asked, pk: int) -> HttpResponse:
    """Have a template reviewed by its messenger."""
    storing.get(asked.actor, TEMPLATES.kind, pk)
    (row,) = storing.add(asked.actor, REVIEW, [{"body": {"status": "review", "reject_reason": ""}}], parent_id=pk)
    return answers.made(asked, "reviews", [_review(row)])


def _review(row: Stored) -> dict[str, Any]:
    return {"id": row.pk, "source_id": None, "status": row.body["status"], "reject_reason": row.body.get("reject_reason", "")}


def decide(asked: Asked, pk: int, review_id: int) -> HttpResponse:
    """Say what came of a review."""
    storing.get(asked.actor, TEMPLATES.kind, pk)
    row, item = storing.get(asked.actor, REVIEW, review_id, parent_id=pk, lock=True), Item(asked.item)
    status = reading.choice("approved", "review", "paused", "rejected")(item, "status")
    if status is None:
        item.fault("status", "This value should not be blank.", code="IsBlank")
    body = {"status": status, "reject_reason": item.text("reject_reason", most=1000)}
    settle([item])
    return answers.told(_review(storing.change(asked.actor, row, body=body)))
