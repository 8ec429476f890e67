"""Completing a record that is known: what it lacks is put onto it, what stands there stays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import reaching

_NOTHING: tuple[Any, ...] = (None, "", [], {})


def lacking(record: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """What of `given` (columns, "custom", "tag_ids") a contact or company lacks, as `writing.change` takes it: numbers, addresses and tags are added, what is empty is filled."""
    found: dict[str, Any] = {}
    for name, value in given.items():
        after: Any
        if name in ("phones", "emails"):
            after = _with_more(record, name, value)
        elif name == "custom":
            after = {key: one for key, one in value.items() if one not in _NOTHING and record.custom.get(key) in _NOTHING}
        elif name == "tag_ids":
            after = sorted({*record.tag_ids, *value}) if not {*value} <= {*record.tag_ids} else []
        else:
            after = value if getattr(record, name) in _NOTHING else None
        if after not in _NOTHING:
            found[name] = after
    return found


def _with_more(record: Any, name: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of a record and behind them those it has not; nothing where it has all."""
    more = missing(record, name, reaching.clean_phones(rows) if name == "phones" else rows)
    return [*getattr(record, name), *more] if more else []


def missing(record: Any, name: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of some "phones" or "emails" that a record has not, however they are written."""
    have = {*record.keys}
    return [row for row in rows if have.isdisjoint(reaching.keys_of([row], []) if name == "phones" else reaching.keys_of([], [row]))]
