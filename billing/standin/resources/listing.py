"""Lists as the service pages them: newest first, from after or before an identity; and searches by exact words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from billing.standin.errors import invalid
from billing.standin.shapes import Obj
from billing.standin.world import World

PAGING = frozenset({"limit", "starting_after", "ending_before", "expand"})
_LONGEST = 100
_CLAUSE = re.compile(r"""\s*(-?)(\w+)(?:\[["'](.+?)["']\])?\s*(:|>=|<=|>|<)\s*(?:["'](.*?)["']|(\S+))\s*(?:AND\b|\Z)""", re.I)


def page(world: World, rows: Iterable[Obj], asked: Obj, *, url: str) -> Obj:
    """One page of rows that stand from the oldest to the newest."""
    newest = list(rows)[::-1]
    limit = asked.get("limit", 10)
    if not 1 <= limit <= _LONGEST:
        raise invalid(f"This value must be between 1 and {_LONGEST}.", param="limit")
    ids = [row["id"] for row in newest]
    if "ending_before" in asked:
        end = _position(ids, asked["ending_before"], world, "ending_before")
        found = newest[max(0, end - limit) : end]
        return _list(found, more=end > limit, url=url)
    start = _position(ids, asked["starting_after"], world, "starting_after") + 1 if "starting_after" in asked else 0
    return _list(newest[start : start + limit], more=len(newest) > start + limit, url=url)


def _position(ids: list[str], row_id: str, world: World, param: str) -> int:
    if row_id in ids:
        return ids.index(row_id)
    if row_id in world.store.rows:
        # It has left this list meanwhile (a status has changed): its place is where it was made.
        seq = world.store.rows[row_id]["_seq"]
        return sum(1 for one in ids if world.store.rows[one]["_seq"] > seq) - (1 if param == "starting_after" else 0)
    raise invalid(f"No such object: '{row_id}'", param=param, code="resource_missing")


def _list(found: list[Obj], *, more: bool, url: str) -> Obj:
    return {"object": "list", "data": found, "has_more": more, "url": url}


def fits(row: Obj, asked: Obj) -> bool:
    """Whether a row has the values asked for; moments may be ranges."""
    return all(fits_value(row.get(name), value) for name, value in asked.items() if name not in PAGING)


def fits_value(found: object, wanted: object) -> bool:
    """Whether a value is the one wanted, or in the range wanted."""
    if isinstance(wanted, dict) and isinstance(found, int):
        signs: dict[str, Callable[[int, int], bool]] = {"gt": int.__gt__, "gte": int.__ge__, "lt": int.__lt__, "lte": int.__le__}
        return all(signs[sign](found, value) for sign, value in wanted.items())
    return found == wanted


def listed(kind: str, *, url: str) -> Callable[[World, Obj], Obj]:
    """The list of a kind, kept to what is asked for by its own fields."""

    def listing(world: World, asked: Obj) -> Obj:
        return page(world, (row for row in world.store.all(kind) if fits(row, asked)), asked, url=url)

    return listing


def found(kind: str, *, gone: bool = False) -> Callable[[World, Obj, str], Obj]:
    """One object of a kind; of some kinds a deleted one too."""

    def finding(world: World, _asked: Obj, row_id: str) -> Obj:
        row = world.store.get(kind, row_id, gone=gone)
        return deleted(row) if row.get("_gone") else row

    return finding


def deleted(row: Obj) -> Obj:
    """What is shown of a deleted object."""
    return {"id": row["id"], "object": row["object"], "deleted": True}


def searched(kind: str, *, url: str) -> Callable[[World, Obj], Obj]:
    """A search by words joined with AND: fields and metadata, equal or compared."""

    def searching(world: World, asked: Obj) -> Obj:
        clauses = _clauses(asked["query"])
        rows = [row for row in world.store.all(kind) if all(_holds(row, clause) for clause in clauses)][::-1]
        start, limit = int(asked.get("page") or 0), asked.get("limit", 10)
        more = len(rows) > start + limit
        return {
            "object": "search_result", "data": rows[start : start + limit], "has_more": more, "next_page": str(start + limit) if more else None,
            "url": url, "total_count": None,
        }  # fmt: skip

    return searching


def _clauses(query: str) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    place = 0
    while place < len(query):
        matched = _CLAUSE.match(query, place)
        if not matched:
            raise invalid("We were unable to parse your search query.", param="query")
        negated, name, key, sign, quoted, bare = matched.groups()
        found.append((negated, name, key or "", sign, quoted if quoted is not None else bare))
        place = matched.end()
    return found


def _holds(row: Obj, clause: tuple[str, ...]) -> bool:
    negated, name, key, sign, wanted = clause
    value = row.get("metadata", {}).get(key) if name == "metadata" else row.get(name)
    if sign != ":":
        return isinstance(value, int) and fits_value(value, {{">": "gt", "<": "lt", ">=": "gte", "<=": "lte"}[sign]: int(wanted)})
    same = value is None if wanted == "null" else str(value).lower() == wanted.lower()
    return same != bool(negated)


def merged(metadata: Obj | None, given: object) -> Obj:
    """Metadata after an update: names set, names emptied away, or all of them."""
    if given == "" or given is None:
        return {} if given == "" else dict(metadata or {})
    assert isinstance(given, dict)  # noqa: S101 (read by the library's types)
    return {name: value for name, value in {**(metadata or {}), **given}.items() if value != ""}


def emptied(asked: Obj) -> Obj:
    """What was asked, with empty texts as nothing."""
    return {name: None if value == "" else value for name, value in asked.items()}
