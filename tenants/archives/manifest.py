"""The manifest: what the archive is of, what is in it, and what all of it comes to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import crm_platform
from crm_platform.kernel import clock
from crm_platform.kernel.workspace import Place
from tenants import routing
from tenants.carrying.tables import Sum, Table
from tenants.provisioning import template

from .contents import DECIDED, Stays
from .refusals import ForeignArchive, FromNewer, Tampered

NAME, PRODUCT, FORMAT = "manifest.json", "kartoteka", 1
# What a manifest must have, and of what sort it is: a good hash says nothing about sense.
_SHAPE: Mapping[str, type] = {"workspace": dict, "schema": dict, "tables": dict, "members": dict, "files": dict, "version": str, "made_at": str}
_IN_SHAPE: Mapping[str, Mapping[str, Any]] = {
    "workspace": {"name": str, "slug": str, "language": str},
    "schema": {"migrations": list},
    "files": {"count": int, "bytes": int, "missing": int},
}
_OF_EACH: Mapping[str, Mapping[str, Any]] = {"tables": {"columns": list, "rows": int, "sum": str, "next": int | None}, "members": {"size": int, "sha256": str}}


def begin(place: Place, *, language: str, migrations: list[str]) -> dict[str, Any]:
    """The part that is known before anything is read."""
    return {
        "product": PRODUCT, "format": FORMAT, "version": crm_platform.__version__, "made_at": clock.real_now().isoformat(timespec="seconds"),
        "workspace": {"name": place.name, "slug": place.slug, "url": routing.url_of(place), "language": language},
        "schema": {"fingerprint": template.fingerprint() if set(migrations) == template.names() else "", "migrations": migrations},
        "tables": {}, "members": {}, "files": {"count": 0, "bytes": 0, "missing": 0, "missing_paths": []},
        "left_out": {name: decision.why for name, decision in DECIDED.items() if isinstance(decision, Stays)},
    }  # fmt: skip


def table(found: Table, amount: Sum, following: int | None) -> dict[str, Any]:
    """What the manifest says of one table: `next` is the number that its next row will get."""
    return {"columns": list(found.sorted_names), "rows": amount.rows, "sum": amount.sum, "next": following}


def sealed(content: Mapping[str, Any]) -> bytes:
    """The manifest with its own hash."""
    return json.dumps({"content": content, "sha256": _hash(content)}, ensure_ascii=False, indent=1).encode()


def _hash(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def read(text: bytes) -> dict[str, Any]:
    """The content of a manifest. Raises ForeignArchive, FromNewer (a format of tomorrow), Tampered."""
    try:
        given = json.loads(text)
        content = given["content"]
        product, form = content["product"], content["format"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ForeignArchive from None
    if product != PRODUCT or not isinstance(form, int):
        raise ForeignArchive
    if form > FORMAT:
        raise FromNewer(theirs=str(content.get("version", form))[:40], ours=crm_platform.__version__)
    if given.get("sha256") != _hash(content) or not _makes_sense(content):
        raise Tampered(part=NAME)
    found: dict[str, Any] = content
    return found


def _makes_sense(content: dict[str, Any]) -> bool:
    return (
        _is(content, _SHAPE)
        and all(_is(content[name], shape) for name, shape in _IN_SHAPE.items())
        and all(_is(one, shape) for name, shape in _OF_EACH.items() for one in content[name].values())
        and all(isinstance(column, str) for one in content["tables"].values() for column in one["columns"])
    )


def _is(value: Any, shape: Mapping[str, Any]) -> bool:
    return isinstance(value, dict) and all(name in value and isinstance(value[name], wanted) for name, wanted in shape.items())
