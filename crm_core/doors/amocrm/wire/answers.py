"""Envelopes: collections with their pages, single things, what was made. Addresses are absolute, as the client called us."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson
from django.http import HttpResponse

from . import brackets

if TYPE_CHECKING:
    from .asking import Asked

TYPE = "application/hal+json"
ROOT = "/api/v4"
_AS_PYTHONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME


def told(body: Any, *, status: int = 200) -> HttpResponse:
    """A body as the API sends it: exactly this content type, clients compare it."""
    response = HttpResponse(written(body), status=status)
    response.headers["Content-Type"] = TYPE
    return response


def written(body: Any) -> bytes:
    """A body as JSON in UTF-8, its keys in their order. Raises TypeError for what JSON has no word for."""
    try:
        return orjson.dumps(body, option=_AS_PYTHONS)
    except TypeError:  # a number beyond 64 bits, or nested deeper than it goes, as programs keep them in their own bodies
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def inside(body: Any) -> bytes:
    """A body as JSON without what stands around it: the columns of an object without their braces, a text without its quotation marks."""
    return written(body)[1:-1]


def number(given: int | None) -> bytes:
    """A number as JSON; null for none."""
    return b"null" if given is None else b"%d" % given


def nothing(*, status: int = 204) -> HttpResponse:
    """No content: an empty collection, a missing record of the old four, a deletion."""
    response = HttpResponse(status=status)
    del response.headers["Content-Type"]
    return response


def href(asked: Asked, path: str) -> dict[str, Any]:
    """`_links` of a thing: its own address."""
    return {"self": {"href": f"{asked.base}{ROOT}/{path}"}}


def page(asked: Asked, key: str, items: Sequence[Any], *, more: bool = False, counts: Mapping[str, int] | None = None, empty: bool = True, cursor: str = "") -> HttpResponse:
    """A page of a collection: 204 where it is empty and `empty` allows that.

    `more` says that another page exists; `cursor` goes into its address beside the page's number, so that what moves
    meanwhile is neither skipped nor told twice. `counts` are the extra counters of some collections.
    """
    if not items and empty:
        return nothing()
    links: dict[str, Any] = {"self": {"href": _address(asked, asked.page)}}
    if more:
        links["next"] = {"href": _address(asked, asked.page + 1, cursor=cursor)}
    if asked.page > 1:
        links |= {"first": {"href": _address(asked, 1)}, "prev": {"href": _address(asked, asked.page - 1)}}
    return told({"_page": asked.page, "_links": links, **(counts or {}), "_embedded": {key: list(items)}})


def counts(asked: Asked, number: int) -> dict[str, int]:
    """The counters of a collection of so many items."""
    return {"_total_items": number, "_page_count": max(1, -(-number // asked.limit))}


def _address(asked: Asked, number: int, *, cursor: str = "") -> str:
    kept = {name: value for name, value in asked.query.items() if name not in ("page", "limit", "cursor")}
    query = brackets.write({**kept, "page": number, "limit": asked.limit, **({"cursor": cursor} if cursor else {})})
    return f"{asked.base}{asked.request.path}?{query}"


def all_of(asked: Asked, key: str, items: Sequence[Any], *, status: int = 200, **beside: Any) -> HttpResponse:
    """A collection that comes whole, with `_total_items`."""
    return told({"_total_items": len(items), **beside, "_links": {"self": {"href": asked.request.build_absolute_uri()}}, "_embedded": {key: list(items)}}, status=status)


def made(asked: Asked, key: str, items: Iterable[Mapping[str, Any]], *, status: int = 200, **beside: Any) -> HttpResponse:
    """What was made or changed, in the order it was given."""
    return told({**beside, "_links": {"self": {"href": f"{asked.base}{asked.request.path}"}}, "_embedded": {key: list(items)}}, status=status)
