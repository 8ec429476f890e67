"""Pages of a list: one statement for the rows, one for the count."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db.models import QuerySet
from django.http import QueryDict

from crm_platform.kernel.reading import whole

T = TypeVar("T")
SIZES = (25, 50, 100)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """The rows of a page and where it stands: `number` from 1, `size` rows, `total` rows in all."""

    rows: Sequence[T]
    number: int
    size: int
    total: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // self.size))

    @property
    def first(self) -> int:
        return (self.number - 1) * self.size + 1 if self.total else 0

    @property
    def last(self) -> int:
        return min(self.number * self.size, self.total)

    @property
    def previous(self) -> int | None:
        return self.number - 1 if self.number > 1 else None

    @property
    def following(self) -> int | None:
        return self.number + 1 if self.number < self.pages else None


def page_of(queryset: QuerySet[Any], query: QueryDict, *, total: int | None = None, rows: Callable[[int, int], list[Any]] | None = None) -> Page[Any]:
    """The page that the address asks for (`page`, `rows`); nonsense means the first page, beyond the end the last.

    `total` spares the count where the caller knows it; `rows(number, size)` finds a page's rows where something cheaper does than the query set.
    """
    asked = whole(query.get("rows"))
    size = asked if asked in SIZES else SIZES[1]
    counted = queryset.order_by().count() if total is None else total
    number = min(max(1, whole(query.get("page")) or 1), max(1, -(-counted // size)))
    find = rows or functools.partial(_rows, queryset)
    return Page(find(number, size) if counted else [], number, size, counted)


def _rows(queryset: QuerySet[Any], number: int, size: int) -> list[Any]:
    """Far into a list the ids are walked in the index first, and only the page's own rows are fetched."""
    start = (number - 1) * size
    if start < 200:
        return list(queryset[start : start + size])
    pks = list(queryset.values_list("pk", flat=True)[start : start + size])
    found = queryset.order_by().filter(pk__among=pks).in_bulk()
    return [found[pk] for pk in pks if pk in found]
