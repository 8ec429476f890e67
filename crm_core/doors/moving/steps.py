"""The order of a move and its questions: what records refer to comes before them, what hangs on them after."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from django.utils.translation import gettext as _

from crm_core.doors.amocrm import names

from . import beside, products, records
from .foreign import Account, Trouble, page
from .models import Move, Stage
from .work import Row, Work, embedded

TRIAL = 50
_LIMIT, _EVENTS, _IDS, _OF_EVENTS = 250, 100, 50, 10


@dataclass(frozen=True, slots=True)
class Ask:
    """One list over there: its path (a whole address where it is the drive's), its name in the answer, its query, and what it is of."""

    path: str
    name: str
    query: dict[str, Any] = field(default_factory=dict)
    about: str = ""
    limit: int = _LIMIT


Asks = Callable[[Move], Sequence[Ask]]
Write = Callable[[Work, Ask, list[Row]], None]
Picked = dict[str, list[int]]


def picked(move: Move) -> Picked | None:
    """The ids of a trial; None for everything."""
    found: Picked | None = move.cursor.get("picked")
    return found


def _chunks(ids: Sequence[int], most: int) -> Iterator[list[int]]:
    for at in range(0, len(ids), most):
        yield list(ids[at : at + most])


def _records(plural: str, **query: str) -> Asks:
    def asks(move: Move) -> Sequence[Ask]:
        only = picked(move)
        if only is None:
            return [Ask(plural, plural, {**query, "order[id]": "asc"}, plural)]
        return [Ask(plural, plural, {**query, "filter[id][]": ids}, plural) for ids in _chunks(only[plural], _IDS)]

    return asks


def _products(move: Move) -> Sequence[Ask]:
    only, paths = picked(move), [f"catalogs/{pk}/elements" for pk in move.inventory["product_catalogs"]]
    if only is None:
        return [Ask(path, "elements") for path in paths]
    return [Ask(path, "elements", {"filter[id][]": ids}) for path in paths for ids in _chunks(only["products"], _IDS)]


def _notes(move: Move) -> Sequence[Ask]:
    only = picked(move)
    if only is None:
        return [Ask(f"{plural}/notes", "notes", {"with": "is_pinned"}, plural) for plural in names.CODES]
    return [Ask(f"{plural}/{pk}/notes", "notes", {"with": "is_pinned"}, plural) for plural in names.CODES for pk in only[plural]]


def _tasks(move: Move) -> Sequence[Ask]:
    only = picked(move)
    if only is None:
        return [Ask("tasks", "tasks", {"order[id]": "asc"})]
    return [Ask("tasks", "tasks", {"filter[entity_type]": plural, "filter[entity_id][]": ids}) for plural in names.CODES for ids in _chunks(only[plural], _IDS)]


def _history(move: Move) -> Sequence[Ask]:
    only, query = picked(move), {"filter[type]": beside.HISTORY["type"]}
    if only is None:
        return [Ask("events", "events", query, limit=_EVENTS)]
    return [Ask("events", "events", {**query, "filter[entity]": "lead", "filter[entity_id][]": ids}, limit=_EVENTS) for ids in _chunks(only["leads"], _OF_EVENTS)]


def _files(move: Move) -> Sequence[Ask]:
    """One file at a time: its bytes come along."""
    drive, only = move.inventory["account"]["drive_url"], picked(move)
    if not drive or not move.inventory["counts"]["files"]:
        return []
    if only is None:
        return [Ask(f"{drive}/v1.0/files", "files", about="drive", limit=1)]
    return [Ask(f"{plural}/{pk}/files", "files", {}, f"{plural} {pk}", limit=1) for plural in names.CODES for pk in only[plural]]


def _pick(work: Work, ask: Ask, rows: list[Row]) -> None:
    """The deals of a trial, and whom they lead to."""
    only: Picked = work.move.cursor.setdefault("picked", {"leads": [], "contacts": [], "companies": [], "products": []})
    if ask.about == "leads":
        only["leads"] = [row["id"] for row in rows if isinstance(row.get("id"), int)][:TRIAL]
    for row in rows:
        for beneath, plural in (("contacts", "contacts"), ("companies", "companies"), ("catalog_elements", "products")):
            only[plural] = list(dict.fromkeys([*only[plural], *(one["id"] for one in embedded(row, beneath) if isinstance(one.get("id"), int))]))


def _picked_contacts(move: Move) -> Sequence[Ask]:
    return [Ask("contacts", "contacts", {"filter[id][]": ids}, "contacts") for ids in _chunks((picked(move) or {"contacts": []})["contacts"], _IDS)]


_WITH_DEALS = "contacts,loss_reason,catalog_elements,source_id"
_PICKING: dict[str, tuple[Asks, Write]] = {
    "pick": (lambda move: [Ask("leads", "leads", {"order[id]": "desc", "with": _WITH_DEALS}, "leads", limit=TRIAL)], _pick),
    "pick_contacts": (_picked_contacts, _pick),
}
_MOVING: dict[str, tuple[Asks, Write]] = {
    "products": (_products, lambda work, ask, rows: products.write(work, rows)),
    "companies": (_records("companies"), lambda work, ask, rows: records.write(work, "companies", rows)),
    "contacts": (_records("contacts"), lambda work, ask, rows: records.write(work, "contacts", rows)),
    "leads": (_records("leads", **{"with": _WITH_DEALS}), lambda work, ask, rows: records.write(work, "leads", rows)),
    "files": (_files, lambda work, ask, rows: beside.write_files(work, rows)),
    "notes": (_notes, lambda work, ask, rows: beside.write_notes(work, ask.about, rows)),
    "tasks": (_tasks, lambda work, ask, rows: beside.write_tasks(work, rows)),
    "history": (_history, lambda work, ask, rows: beside.write_history(work, rows)),
}
# What the pages show of a move's parts, in their order.
SHOWN = tuple(_MOVING)


def steps(stage: str) -> dict[str, tuple[Asks, Write]]:
    """The steps of a trial, or of the whole move."""
    return {**_PICKING, **_MOVING} if stage == Stage.TRYING else _MOVING


def fetch(account: Account, step: str, ask: Ask, number: int, *, wanted: Callable[[str], bool], patient: bool) -> tuple[list[Row], bool]:
    """A page of a list, and whether another follows; a file that is `wanted` comes with its bytes. Raises Trouble. Outside of units.

    A file that cannot be had stops nothing, unless one is still `patient`.
    """
    query = {**ask.query, "limit": ask.limit, "page": number}
    rows, more = page(account.ask_at(ask.path, query) if "://" in ask.path else account.ask(ask.path, query), ask.name)
    if step == "files":
        return [_file(account, ask, row, wanted, patient=patient) for row in rows], more and bool(rows)
    return rows, more and bool(rows) and step != "pick"


def _file(account: Account, ask: Ask, row: Row, wanted: Callable[[str], bool], *, patient: bool) -> Row:
    uuid = str(row.get("uuid") or row.get("file_uuid") or "")
    found: Row = {"uuid": uuid, "name": str(row.get("name") or uuid), "links": [], "bytes": b"", "problem": ""}
    try:
        if ask.about == "drive":
            links = page(account.ask(f"files/{quote(uuid)}/links", {"limit": _LIMIT}), "links")[0]
            found["links"] = [(one.get("entity_type"), one.get("entity_id")) for one in links]
        else:
            found["links"] = [tuple(ask.about.split())]
        if found["links"] and wanted(uuid):
            told = row if ask.about == "drive" else account.ask_at(f"{account.drive}/v1.0/files/{quote(uuid)}") or {}
            found |= {"name": _name_of(told, uuid), "bytes": _whole(account.file(_address_of(told)), told)}
    except Trouble as trouble:
        if trouble.status == 401 or trouble.strange or (trouble.again and patient):
            raise
        found["problem"] = trouble.sentence
    return found


def _whole(content: bytes, told: Row) -> bytes:
    """The bytes, if they are as many as the drive says: what stands between may send a page of its own instead."""
    size = told.get("size")
    if isinstance(size, int) and size != len(content):
        raise Trouble(_("The file did not come whole."), again=True)
    return content


def _name_of(told: Row, uuid: str) -> str:
    """With its ending, which the drive tells apart."""
    name, meta = str(told.get("name") or uuid), told.get("metadata")
    ending = str(meta.get("extension") or "") if isinstance(meta, dict) else ""
    return f"{name}.{ending}" if ending and not name.lower().endswith(f".{ending.lower()}") else name


def _address_of(told: Row) -> str:
    links = told.get("_links")
    found = links.get("download") if isinstance(links, dict) else None
    return str(found.get("href") or "") if isinstance(found, dict) else ""
