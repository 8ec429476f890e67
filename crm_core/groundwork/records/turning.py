"""Turning the pages of a whole list: a page begins behind the last row of the one before it, which is found once and remembered."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from django.db.models import Model, Q, QuerySet

from crm_platform.db.prepared import Prepared
from crm_platform.kernel import versions

# Where a page begins: the sorted column's value and the id of the last row before it.
Mark = tuple[Any, int]
_NEAR = 200


class Turner:
    """The pages of all rows of a kind that are not in the bin, in an order of `column` and id; `without` are columns left to be asked for.

    Far into a list `OFFSET` walks over everything before; a mark is found in the index at once. The marks hold for as long as
    the table's version does (`kernel.versions`), and turning a page writes down the next one's.
    """

    def __init__(self, model: type[Model], code: str, order: Sequence[str], without: Sequence[str]) -> None:
        self.model, self.code, self.order, self.without = model, code, tuple(order), tuple(without)
        self.column = self.order[0].lstrip("-")

    def rows(self, number: int, size: int) -> list[Any]:
        """Page `number`, from 1, of `size` rows."""
        start = (number - 1) * size
        mark = self._mark(number, size) if start and self._may_mark() else None
        if mark is not None:
            found = _behind(self.model, self.order, self.without, size).rows(value=mark[0], pk=mark[1])
        elif start:
            found = list(_all(self.model, self.order, self.without)[start : start + size])
        else:
            found = _first(self.model, self.order, self.without, size).rows()
        if len(found) == size and start + size >= _NEAR and self._may_mark():
            last = found[-1]
            versions.remembered(self._tables(), self._key(number + 1, size), lambda: (getattr(last, self.column), last.pk))
        return found

    def _may_mark(self) -> bool:
        """Nothing stands behind an empty value: SQL compares it with nothing."""
        return not self.model._meta.get_field(self.column).null

    def _mark(self, number: int, size: int) -> Mark | None:
        start = (number - 1) * size
        if start < _NEAR:
            return None
        before = _all(self.model, self.order, ()).values_list(self.column, "pk")
        return versions.remembered(self._tables(), self._key(number, size), lambda: before[start - 1 : start].first())

    def _tables(self) -> tuple[str, ...]:
        return (self.model._meta.db_table,)

    def _key(self, number: int, size: int) -> str:
        return f"{self.code}.page.{self.order[0]}.{size}.{number}"


def _all(model: type[Model], order: tuple[str, ...], without: tuple[str, ...]) -> QuerySet[Any]:
    return model._default_manager.filter(binned_at=None).order_by(*order).defer(*without)


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
