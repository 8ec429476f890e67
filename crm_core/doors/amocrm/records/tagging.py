"""Tags of leads, contacts and companies."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse

from crm_core.doors.amocrm import names
from crm_core.doors.amocrm.wire import answers, brackets
from crm_core.doors.amocrm.wire.asking import Asked, whole
from crm_core.doors.amocrm.wire.fields import items_of, settle
from crm_core.groundwork.records.ordering import fold
from crm_core.groundwork.tags import services as tags

MOST_LETTERS = 60


def _code_of(plural: str) -> str:
    return "customer" if plural == "customers" else names.code_of(plural)


def index(asked: Asked, plural: str) -> HttpResponse:
    """The tags of a collection, the newest first; `filter[id]`, `filter[name]` and `query` narrow them."""
    rows = sorted(tags.tags_of(_code_of(plural)).values(), key=lambda tag: -tag.pk)
    ids, words = {whole(one) for one in brackets.values(asked.filters.get("id"))}, {fold(one) for one in brackets.values(asked.filters.get("name"))}
    found = [tag for tag in rows if (not ids or tag.pk in ids) and (not words or tag.folded in words) and fold(asked.text) in tag.folded]
    page, more = asked.stretch(found)
    return answers.page(asked, "tags", [_told(tag) for tag in page], more=more)


def _told(tag: Any) -> dict[str, Any]:
    return {"id": tag.pk, "name": tag.name, "color": None}


def make(asked: Asked, plural: str) -> HttpResponse:
    """Make tags; a name that is there already answers with its id."""
    code, items = _code_of(plural), items_of(asked.items)
    wanted = [item.text("name", most=MOST_LETTERS) for item in items]
    for item, name in zip(items, wanted, strict=True):
        if not fold(name):
            item.fault("name", "This value should not be blank.", code="IsBlank")
    settle(items)
    first: dict[str, str] = {}
    for name in wanted:  # of two spellings the first is kept
        first.setdefault(fold(name), name)
    tags.ids_of(code, first.values(), by=asked.actor)
    known = {tag.folded: tag for tag in tags.tags_of(code).values()}
    told = [{**_told(known[fold(name)[:MOST_LETTERS]]), "request_id": item.request_id} for item, name in zip(items, wanted, strict=True)]
    return answers.made(asked, "tags", told)


def change_many(asked: Asked, plural: str) -> HttpResponse:
    """Give tags other words, all of them or none; each item names its `id`. A tag has no colour of programs' choice here: one that is sent is left aside."""
    code, items, told = _code_of(plural), items_of(asked.items), []
    for item in items:
        pk, name = item.whole("id"), item.text("name", most=MOST_LETTERS)
        tag = tags.tags_of(code).get(pk or 0)
        if tag is None:
            item.fault("id", "The value you selected is not a valid choice.", code="NotSupportedChoice")
            continue
        if item.body.get("name") is not None:
            with item.refused_here():
                tag = tags.rename(asked.actor, code, tag.pk, name=name)
        told.append({**_told(tag), "request_id": item.request_id})
    settle(items)
    return answers.made(asked, "tags", told)
