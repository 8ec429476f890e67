"""Turning the pages of a whole list: a page begins behind the last row of the one before it, which is found once and remembered."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from django.db.models import F, Model, Q, QuerySet

from crm_platform.db.prepared import Prepared
from crm_platform.kernel import versions
from crm_platform.ui.paging import NEAR

# Where a page begins: the sorted column's value and the id of the last row before it.
Mark = tuple[Any, int]


class Turner:
    """The pages of all rows of a kind that are not in the bin, in an order of `column` and id; `without` are columns left to be asked for.

    Far into a list `OFFSET` walks over everything before; a mark is found in the index at once. The marks hold for as long as
    the table's version does (`kernel.versions`), and turning a page writes down the next one's.
    """

    def __init__(self, model: type[Model], code: str, order: Sequence[str], without: Sequence[str]) -> None:
        self.model, self.code, self.order, self.without = model, code, tuple(order), tuple(without)
        self.column = self.order[0].lstrip("-")
        # Nothing stands behind an empty value: SQL compares it with nothing.
        self.marks = not model._meta.get_field(self.column).null

    def rows(self, number: int, size: int) -> list[Any]:
        """Page `number`, from 1, of `size` rows."""
        start, following = (number - 1) * size, number * size
        if start == 0:
            found = _first(self.model, self.order, self.without, size).rows()
        elif (mark := self._mark(start, lambda: self._before(start))) is not None:
            found = _behind(self.model, self.order, self.without, size).rows(value=mark[0], pk=mark[1])
        else:
            found = list(_all(self.model, self.order, self.without)[start:following])
        if len(found) == size:
            self._mark(following, lambda: (getattr(found[-1], self.column), found[-1].pk))
        return found

    def _mark(self, start: int, find: Callable[[], Mark | None]) -> Mark | None:
        """Where the row at `start` begins, as it is remembered, else as `find` has it; None where no mark is kept."""
        if start < NEAR or not self.marks:
            return None
        return versions.remembered((self.model._meta.db_table,), f"{self.code}.row.{self.order[0]}.{start}", find)

    def _before(self, start: int) -> Mark | None:
        return _all(self.model, self.order, ()).values_list(self.column, "pk")[start - 1 : start].first()


def sorted_by(rows: QuerySet[Any], order: Sequence[str]) -> QuerySet[Any]:
    """Rows in an order of columns; the empty ones stand last in both directions. An index of a column that may be empty must say so too."""
    fields = rows.model._meta.get_field
    return rows.order_by(*(F(name[1:]).desc(nulls_last=True) if name.startswith("-") and fields(name[1:]).null else name for name in order))


def _all(model: type[Model], order: tuple[str, ...], without: tuple[str, ...]) -> QuerySet[Any]:
    return sorted_by(model._default_manager.filter(binned_at=None), order).defer(*without)


@functools.cache
def _first(model: type[Model], order: tuple[str, ...], without: tuple[str, ...], size: int) -> Prepared[Any]:
    return Prepared(model, lambda: _all(model, order, without)[:size])


@functools.cache
def _behind(model: type[Model], order: tuple[str, ...], without: tuple[str, ...], size: int) -> Prepared[Any]:
    column, beyond = order[0].lstrip("-"), "lt" if order[0].startswith("-") else "gt"

    def build(value: Any, pk: Any) -> QuerySet[Any]:
        # The first condition is the index's, the second leaves out what stands at the mark itself or before it.
        rows = _all(model, order, without).filter(**{f"{column}__{beyond}e": value})
        return rows.filter(Q(**{f"{column}__{beyond}": value}) | Q(**{f"pk__{beyond}": pk}))[:size]

    return Prepared(model, build)
