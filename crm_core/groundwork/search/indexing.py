"""What a record is found by, written in the same transaction as the record."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from crm_core.groundwork.records.ordering import fold
from crm_platform.db.copying import copy_rows

from .models import SearchRow

if TYPE_CHECKING:
    from crm_core.groundwork.records.registry import Kind

_WORD = re.compile(r"[^\s]+")
LONGEST, MANY = 600, 20


def pieces_of(text: str) -> list[str]:
    """Three-letter pieces of each word, and the one- and two-letter beginnings of words (marked "^")."""
    found: set[str] = set()
    for word in _WORD.findall(text):
        found.add("^" + word[0])
        if len(word) > 1:
            found.add("^" + word[:2])
        found.update(word[at : at + 3] for at in range(len(word) - 2))
    return sorted(found)


def put(kind: Kind, records: Sequence[Any], *, fresh: bool = False) -> None:
    """Write the search rows of records at once; `fresh` records cannot have any yet."""
    rows = [_row(kind, record) for record in records]
    if fresh and len(rows) > MANY:
        copy_rows(SearchRow, rows)
        return
    SearchRow.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["entity", "record_id"],
        update_fields=["title", "subtitle", "text", "pieces", "responsible_id", "weight"],
    )  # fmt: skip


def _row(kind: Kind, record: Any) -> SearchRow:
    found = kind.found(record)
    text = fold(" ".join((found.title, *found.more)))[:LONGEST]
    return SearchRow(
        entity=kind.code, record_id=record.pk, title=found.title, subtitle=found.subtitle[:300], text=text,
        pieces=pieces_of(text), responsible_id=record.responsible_id, weight=kind.weight,
    )  # fmt: skip


def drop(kind: Kind, pks: Iterable[int]) -> None:
    """Take records out: they lie in the bin, or are gone."""
    SearchRow.objects.filter(entity=kind.code, record_id__in=list(pks)).delete()
