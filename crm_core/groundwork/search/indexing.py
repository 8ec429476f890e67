"""What a record is found by, written in the same transaction as the record."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from crm_core.groundwork.records.ordering import fold
from crm_platform.db.copying import MANY, copy_values

from .models import SearchRow

if TYPE_CHECKING:
    from crm_core.groundwork.records.registry import Kind

_WORD = re.compile(r"[^\s]+")
LONGEST = 600


def pieces_of(text: str) -> list[str]:
    """Three-letter pieces of each word, and the one- and two-letter beginnings of words (marked "^")."""
    found: set[str] = set()
    for word in _WORD.findall(text):
        found.add("^" + word[0])
        if len(word) > 1:
            found.add("^" + word[:2])
        found.update(map("".join, zip(word, word[1:], word[2:], strict=False)))
    return sorted(found)


def put(kind: Kind, records: Sequence[Any], *, fresh: bool = False) -> None:
    """Write the search rows of records at once; `fresh` records cannot have any yet."""
    rows = [_row(kind, record) for record in records]
    if fresh and len(records) > MANY:
        copy_values(SearchRow, _COLUMNS, rows)
        return
    SearchRow.objects.bulk_create(
        [SearchRow(**dict(zip(_COLUMNS, row, strict=True))) for row in rows], update_conflicts=True, unique_fields=["entity", "record_id"],
        update_fields=["title", "subtitle", "text", "pieces", "responsible_id", "weight"],
    )  # fmt: skip


_COLUMNS = ("entity", "record_id", "title", "subtitle", "text", "pieces", "responsible_id", "weight")


def _row(kind: Kind, record: Any) -> tuple[Any, ...]:
    found = kind.found(record)
    text = fold(" ".join((found.title, *found.more)))[:LONGEST]
    return kind.code, record.pk, found.title, found.subtitle[:300], text, pieces_of(text), record.responsible_id, kind.weight


def drop(kind: Kind, pks: Iterable[int]) -> None:
    """Take records out: they lie in the bin, or are gone."""
    SearchRow.objects.filter(entity=kind.code, record_id__in=list(pks)).delete()
