"""Tags of leads, contacts and companies."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse

from crm_core.doors.amocrm import names, storing
from crm_core.doors.amocrm.wire import answers, brackets, cursors
from crm_core.doors.amocrm.wire.asking import Asked, whole
from crm_core.doors.amocrm.wire.fields import Item, items_of, settle
from crm_core.groundwork.records import registry
from crm_core.groundwork.records.ordering import fold
from crm_core.groundwork.tags import palette
from crm_core.groundwork.tags import services as tags
from crm_platform.kernel.permissions import Actor, may, require

MOST_LETTERS = 60
CUSTOMER = "customer"
# The API gives colours to tags of leads alone.
COLOURED = "leads"


def _code_of(plural: str) -> str:
    return CUSTOMER if plural == "customers" else names.code_of(plural)


def index(asked: Asked, plural: str) -> HttpResponse:
    """The tags of a collection, the newest first; `filter[id]`, `filter[name]` and `query` narrow them."""
    rows = tags.tags_of(_code_of(plural)).values()
    ids, words = {whole(one) for one in brackets.values(asked.filters.get("id"))}, {fold(one) for one in brackets.values(asked.filters.get("name"))}
    found = [tag for tag in rows if (not ids or tag.pk in ids) and (not words or tag.folded in words) and fold(asked.text) in tag.folded]
    page, more, cursor = cursors.among(asked, found, lambda tag: tag.pk, down=True)
    return answers.page(asked, "tags", [told(tag) for tag in page], more=more, cursor=cursor)


def told(tag: Any) -> dict[str, Any]:
    """A tag as it stands in lists and on records."""
    return {"id": tag.pk, "name": tag.name, "color": tag.colour or None}


def _colour(item: Item, plural: str) -> str | None:
    """The colour that an item says, "" for null, None where it says nothing. One beyond the palette is its fault."""
    if plural != COLOURED or not item.given("color"):
        return None
    colour = item.text("color", most=20).removeprefix("#").upper()
    if colour and colour not in palette.HUES:
        item.fault("color", "The value you selected is not a valid choice.", code="NotSupportedChoice")
    return colour


def _may_make(actor: Actor, code: str) -> None:
    """Raise Forbidden (ReadOnly) for who may neither make nor change what the tags are of."""
    entity = storing.STORED if code == CUSTOMER else registry.find(code).entity
    if not may(actor, entity.CREATE):
        require(actor, entity.EDIT)


def make(asked: Asked, plural: str) -> HttpResponse:
    """Make tags; a name that is there already answers with its id, and keeps its colour. Whoever may write records of the collection may: on screens, too, a tag is made with a record."""
    code, items = _code_of(plural), items_of(asked.items)
    _may_make(asked.actor, code)
    wanted = [item.text("name", most=MOST_LETTERS) for item in items]
    for item, name in zip(items, wanted, strict=True):
        if not fold(name):
            item.fault("name", "This value should not be blank.", code="IsBlank")
    said = [_colour(item, plural) for item in items]
    settle(items)
    first, colours = dict[str, str](), dict[str, str]()
    for name, colour in zip(wanted, said, strict=True):  # of two spellings the first is kept, and its colour
        first.setdefault(fold(name), name)
        colours.setdefault(fold(name), colour or "")
    tags.ids_of(code, first.values(), by=asked.actor, colours=colours)
    known = {tag.folded: tag for tag in tags.tags_of(code).values()}
    return answers.made(asked, "tags", [{**told(known[fold(name)[:MOST_LETTERS]]), "request_id": item.request_id} for item, name in zip(items, wanted, strict=True)])


def change_many(asked: Asked, plural: str) -> HttpResponse:
    """Give tags other words and, those of leads, other colours, all of them or none; each item names its `id`. A colour of null takes it away."""
    code, items, changed = _code_of(plural), items_of(asked.items), []
    for item in items:
        pk, name, colour = item.whole("id"), item.text("name", most=MOST_LETTERS), _colour(item, plural)
        tag = tags.tags_of(code).get(pk or 0)
        if tag is None:
            item.fault("id", "The value you selected is not a valid choice.", code="NotSupportedChoice")
            continue
        if item.body.get("name") is not None:
            with item.refused_here():
                tag = tags.rename(asked.actor, code, tag.pk, name=name)
        if colour is not None and not item.faults:
            with item.refused_here():
                tag = tags.recolour(asked.actor, code, tag.pk, colour=colour)
        changed.append({**told(tag), "request_id": item.request_id})
    settle(items)
    return answers.made(asked, "tags", changed)
