"""A shelf: one kind of kept things with the verbs list, one, make, change, delete, told as the API tells them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from django.http import HttpResponse

from crm_core.doors.amocrm import storing
from crm_core.doors.amocrm.fields import values as custom_values
from crm_core.doors.amocrm.models import Stored
from crm_core.doors.amocrm.resources.account import account_id
from crm_core.doors.amocrm.wire import answers, cursors
from crm_core.doors.amocrm.wire.asking import Asked
from crm_core.doors.amocrm.wire.fields import Item, items_of, seconds, settle
from crm_core.groundwork.custom_fields import services as custom
from crm_platform.accounts import directory
from crm_platform.kernel.errors import NotFound
from crm_platform.kernel.permissions import Actor

from . import narrowing
from .reading import Read, needed

Beside = Callable[[Asked, Sequence[Stored]], Mapping[int, Mapping[str, Any]]]


class Follow(Protocol):
    """What else is done when things were kept or changed, or are gone."""

    def __call__(self, actor: Actor, rows: Sequence[Stored], *, gone: bool) -> None: ...


def _nothing_follows(actor: Actor, rows: Sequence[Stored], *, gone: bool) -> None:
    """Of most kinds."""


ORDERS = ("id", "created_at", "updated_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """One kind. `fields` says how each field is read and what it is while nobody said it; `keyed` names the field by which one is
    found again, and which only one may have; ids count from `above`; `entity` is whose custom fields it has.

    `beside` adds to what is told of a page, in a constant number of statements; `read` takes more of an item than its fields;
    `follow` does what else belongs to a change.
    """

    kind: str
    plural: str
    path: str
    fields: Mapping[str, tuple[Read, Any]]
    needed: Sequence[str] = ("name",)
    keyed: str = ""
    above: int = 0
    entity: str = ""
    minimal: bool = False
    total: bool = False
    pages: bool = False
    blank_where_missing: bool = False
    beside: Beside = field(default=lambda _asked, _rows: {})
    read: Callable[[Asked, Item, Stored | None], dict[str, Any]] = field(default=lambda _asked, _item, _row: {})
    follow: Follow = _nothing_follows


def index(asked: Asked, shelf: Shelf, *, parent_id: int | None = None) -> HttpResponse:
    """A page of them, the oldest first; `filter[id]`, `filter[name]`, moments, custom fields and `query` narrow them."""
    rows = narrowing.narrowed(asked, shelf, storing.rows(asked.actor, shelf.kind, parent_id=parent_id))
    name, down = asked.order if asked.order and asked.order[0] in ORDERS else ("id", False)
    page, more, cursor = cursors.page_of(asked, rows, name, down=down)
    counts = {}
    if shelf.total or shelf.pages:
        count = rows.count()
        counts = {"_total_items": count, **({"_page_count": max(1, -(-count // asked.limit))} if shelf.pages else {})}
    return answers.page(asked, shelf.plural, draw(asked, shelf, page), more=more, counts=counts, cursor=cursor)


def draw(asked: Asked, shelf: Shelf, rows: Sequence[Stored]) -> list[dict[str, Any]]:
    """Things of a shelf as the API tells them."""
    beside, usual = shelf.beside(asked, rows), {name: default for name, (_read, default) in shelf.fields.items()}
    account = account_id()
    return [
        {
            "id": row.pk + shelf.above, **usual, **{name: value for name, value in row.body.items() if name in usual}, **({shelf.keyed: row.key or None} if shelf.keyed else {}),
            "created_by": row.created_by or 0, "updated_by": row.updated_by or 0, "created_at": seconds(row.created_at), "updated_at": seconds(row.updated_at),
            "account_id": account, **({"custom_fields_values": custom_values.draw(row, shelf.entity)} if shelf.entity else {}),
            "_links": answers.href(asked, f"{shelf.path}/{row.pk + shelf.above}"), **beside.get(row.pk, {}),
        }
        for row in rows
    ]  # fmt: skip


def show(asked: Asked, shelf: Shelf, pk: int, *, parent_id: int | None = None) -> HttpResponse:
    """One of them."""
    try:
        row = storing.get(asked.actor, shelf.kind, pk - shelf.above, parent_id=parent_id)
    except NotFound:
        if shelf.blank_where_missing and "404" not in asked.request.headers.get("Prefer", ""):
            return answers.nothing()
        raise
    return answers.told(draw(asked, shelf, [row])[0])


def make(asked: Asked, shelf: Shelf, *, parent_id: int | None = None, status: int = 200, bare: bool = False) -> HttpResponse:
    """Make some, all of them or none; `bare` answers an object that came alone with itself."""
    items = items_of(asked.items)
    rows = keep(asked, shelf, items, parent_id=parent_id)
    if shelf.minimal:
        told = [{"id": row.pk + shelf.above, "request_id": item.request_id, "_links": answers.href(asked, f"{shelf.path}/{row.pk + shelf.above}")} for row, item in zip(rows, items, strict=True)]
    else:
        told = [{**one, "request_id": item.request_id} for one, item in zip(draw(asked, shelf, rows), items, strict=True)]
    if bare and len(told) == 1 and isinstance(asked.body, dict):
        return answers.told(told[0], status=status)
    return answers.made(asked, shelf.plural, told, status=status, **({"_total_items": len(told)} if shelf.total or shelf.pages else {}))


def keep(asked: Asked, shelf: Shelf, items: Sequence[Item], *, parent_id: int | None = None) -> list[Stored]:
    """The things of items, kept. Raises ItemsRefused for all that is wrong."""
    storing.may(asked.actor, shelf.kind, "create")
    given = [_taken(asked, shelf, item, None) for item in items]
    _refuse_twins(asked, shelf, items, given)
    settle(list(items))
    if not items:
        return []
    with items[0].refused_here():
        rows = storing.add(asked.actor, shelf.kind, given, parent_id=parent_id)
        shelf.follow(asked.actor, rows, gone=False)
    if shelf.entity:
        custom.index_many(shelf.entity, [(row.pk, row.custom) for row in rows])
    return rows


def _taken(asked: Asked, shelf: Shelf, item: Item, row: Stored | None) -> dict[str, Any]:
    """What an item says of a thing: all of it for a new one (`row` None), else what was sent."""
    if row is None:
        needed(item, shelf.needed)
    body = {name: read(item, name) for name, (read, _default) in shelf.fields.items() if item.given(name) and name != shelf.keyed}
    usual = {name: default for name, (_read, default) in shelf.fields.items()}
    body = {name: usual[name] if value is None else value for name, value in body.items()}
    taken: dict[str, Any] = {"body": {**body, **shelf.read(asked, item, row)}}
    if row is not None:
        for name in [name for name in shelf.needed if item.given(name) and item.body[name] in (None, "")]:
            taken["body"].pop(name, None)
    if shelf.keyed and item.given(shelf.keyed):
        taken["key"] = item.text(shelf.keyed, most=300)
    if shelf.entity:
        with item.refused_here():
            taken["custom"] = custom.clean(shelf.entity, custom_values.read(item, shelf.entity).get("custom", {}), partial=row is not None)
    if row is None:
        author = item.whole("created_by", least=0) if item.given("created_by") else None
        taken |= {"created_at": item.moment("created_at"), "created_by": author if author in directory.everyone() else None}
    return taken


def _refuse_twins(asked: Asked, shelf: Shelf, items: Sequence[Item], given: Sequence[dict[str, Any]]) -> None:
    keys = [one.get("key", "") for one in given]
    if not any(keys):
        return
    seen = set(storing.rows(asked.actor, shelf.kind).filter(key__in=[key for key in keys if key]).values_list("key", flat=True))
    for item, key in zip(items, keys, strict=True):
        if key and key in seen:
            item.fault(shelf.keyed, "This value is already used.", code="NotUnique")
        seen.add(key)


def change_many(asked: Asked, shelf: Shelf, *, parent_id: int | None = None) -> HttpResponse:
    """Change some, all of them or none; each item names its id."""
    items, told = items_of(asked.items), []
    for item in items:
        try:
            told.append((item, lay(asked, shelf, (item.whole("id") or 0) - shelf.above, item, parent_id=parent_id)))
        except NotFound:
            item.fault("id", "Entity not found.", code="EntityNotFound")
    settle(items)
    return answers.made(asked, shelf.plural, _changed(asked, shelf, told))


def change(asked: Asked, shelf: Shelf, pk: int, *, parent_id: int | None = None) -> HttpResponse:
    """Change one: what was sent."""
    item = Item(asked.item)
    row = lay(asked, shelf, pk - shelf.above, item, parent_id=parent_id)
    settle([item])
    return answers.told(_changed(asked, shelf, [(item, row)])[0])


def _changed(asked: Asked, shelf: Shelf, rows: Sequence[tuple[Item, Stored]]) -> list[dict[str, Any]]:
    if shelf.minimal:
        return [
            {"id": row.pk + shelf.above, "updated_at": seconds(row.updated_at), "request_id": item.request_id, "_links": answers.href(asked, f"{shelf.path}/{row.pk + shelf.above}")}
            for item, row in rows
        ]
    return [{**told, "request_id": item.request_id} for told, (item, _row) in zip(draw(asked, shelf, [row for _item, row in rows]), rows, strict=True)]


def lay(asked: Asked, shelf: Shelf, pk: int, item: Item, *, parent_id: int | None = None) -> Stored:
    """A thing with what an item says laid over it; nothing is written while the item has faults. Raises NotFound."""
    row = storing.get(asked.actor, shelf.kind, pk, parent_id=parent_id, lock=True)
    storing.may(asked.actor, shelf.kind, "edit")
    taken = _taken(asked, shelf, item, row)
    if item.faults:
        return row
    with item.refused_here():
        row = storing.change(asked.actor, row, **taken)
        shelf.follow(asked.actor, [row], gone=False)
    if shelf.entity and taken.get("custom"):
        custom.reindex(shelf.entity, row.pk, row.custom)
    return row


def delete(asked: Asked, shelf: Shelf, pk: int, *, parent_id: int | None = None) -> HttpResponse:
    """Take one away."""
    row = storing.get(asked.actor, shelf.kind, pk - shelf.above, parent_id=parent_id)
    storing.remove(asked.actor, shelf.kind, [row.pk])
    shelf.follow(asked.actor, [row], gone=True)
    return answers.nothing()


def delete_many(asked: Asked, shelf: Shelf) -> HttpResponse:
    """Take away those whose ids the items name, all of them or none."""
    items = items_of(asked.items)
    ids = [(item.whole("id") or 0) - shelf.above for item in items]
    present = {row.pk: row for row in storing.rows(asked.actor, shelf.kind).filter(pk__in=ids)}
    for item, pk in zip(items, ids, strict=True):
        if pk not in present:
            item.fault("id", "Entity not found.", code="EntityNotFound")
    settle(items)
    if present:
        storing.remove(asked.actor, shelf.kind, sorted(present))
        shelf.follow(asked.actor, list(present.values()), gone=True)
    return answers.nothing()
