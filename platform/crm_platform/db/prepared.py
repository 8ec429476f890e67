"""Questions whose shape never changes, put into SQL once a process instead of once a page.

Django builds a query's SQL anew each time; on a page of a dozen small questions that costs more than asking them. A
`Prepared` builds the query set once with a mark in place of each value, keeps its SQL, and makes the same instances from the
answer. The statement passes the same cursor, wrappers and tracing as any other.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from django.db import connections, models, router
from django.db.models.query import QuerySet, get_related_populators

M = TypeVar("M", bound=models.Model)
# A number that no column holds is found nowhere; so Django answers it too.
_BEYOND = 2**63


@dataclass(slots=True)
class _Compiled:
    sql: str
    places: tuple[_Place, ...]
    model: type[models.Model]
    start: int
    end: int
    names: list[str]
    converters: list[tuple[int, list[Callable[..., Any]], Any]]
    populators: list[Any]


class Prepared(Generic[M]):
    """A query set over named values: `Prepared(Note, lambda pk: Note.objects.filter(record_id=pk))`, then `.rows(pk=7)`.

    A value is a number, a text or a moment, alone or the only one of a list, and never None: a shape that depends on its
    values is another question. Related rows of `select_related` come along; annotations and `only` do not.
    """

    def __init__(self, model: type[M], build: Callable[..., QuerySet[M]]) -> None:
        self._model, self._build = model, build
        self._compiled: dict[tuple[Any, ...], _Compiled] = {}

    def rows(self, **values: Any) -> list[M]:
        """The instances that the query set would give; raises ValueError for a value that finds no place in it."""
        return list(self._rows(values))

    def first(self, **values: Any) -> M | None:
        """The first of the rows; the query set itself should ask for one only."""
        return next(self._rows(values), None)

    def _rows(self, values: dict[str, Any]) -> Iterator[M]:
        if any(isinstance(value, int) and abs(value) >= _BEYOND for value in values.values()):
            return iter(())
        alias = router.db_for_read(self._model)
        kinds = (alias, *map(type, values.values()))
        compiled = self._compiled.get(kinds)
        if compiled is None:
            compiled = self._compiled[kinds] = _compile(self._build, alias, values)
        connection = connections[alias]
        with connection.cursor() as cursor:
            cursor.execute(compiled.sql, [place.fill(values) for place in compiled.places])
            found = cursor.fetchall()
        return (_instance(compiled, row, connection) for row in found)


@functools.cache
def _of_key(model: type[M]) -> Prepared[M]:
    return Prepared(model, lambda pk: model._default_manager.filter(pk=pk))


def by_key(model: type[M], pk: int) -> M | None:
    """The row of a primary key, or None."""
    return _of_key(model).first(pk=pk)


@dataclass(slots=True)
class _Place:
    """A parameter of the statement: a value that never changes, or where a named one goes, in the wrapper Django gave its mark."""

    fixed: Any = None
    name: str = ""
    wrap: Callable[[Any], Any] | None = None
    many: bool = False

    def fill(self, values: dict[str, Any]) -> Any:
        if not self.name:
            return self.fixed
        value = values[self.name] if self.wrap is None else self.wrap(values[self.name])
        return [value] if self.many else value


def _compile(build: Callable[..., QuerySet[Any]], alias: str, values: dict[str, Any]) -> _Compiled:
    marks = {name: _mark(value, number) for number, (name, value) in enumerate(values.items())}
    rows = build(**marks).using(alias)
    compiler = rows.query.get_compiler(using=alias)
    sql, params = compiler.as_sql()
    places = tuple(_place(param, marks) for param in params)
    if lost := marks.keys() - {place.name for place in places}:
        raise ValueError(f"no place for {', '.join(sorted(lost))}")
    select, klass = compiler.select, compiler.klass_info
    start, end = klass["select_fields"][0], klass["select_fields"][-1] + 1
    converters = list(compiler.get_converters([one[0] for one in select]).items())
    names = [one[0].target.attname for one in select[start:end]]
    populators = get_related_populators(klass, select, alias)  # type: ignore[call-arg]  # the stubs are of a later Django
    return _Compiled(sql, places, klass["model"], start, end, names, [(at, *found) for at, found in converters], populators)


def _mark(value: Any, number: int) -> Any:
    """A value of the same kind that stands nowhere else in the statement."""
    if isinstance(value, str):
        return f"mark-of-a-prepared-question-{number}"
    if isinstance(value, datetime):
        return datetime(1900, 1, 1, 0, 0, 7, 7, tzinfo=UTC) + timedelta(days=number)
    if isinstance(value, int) and not isinstance(value, bool):
        return 1_907_070_707 + number
    raise ValueError(f"a prepared question takes numbers, texts and moments, not {type(value).__name__}")


def _place(param: Any, marks: dict[str, Any]) -> _Place:
    many = isinstance(param, list) and len(param) == 1
    inner = param[0] if many else param
    for name, mark in marks.items():
        if inner == mark:
            return _Place(name=name, wrap=None if type(inner) is type(mark) else type(inner), many=many)
    return _Place(fixed=param)


def _instance(compiled: _Compiled, row: Sequence[Any], connection: Any) -> Any:
    values = list(row)
    for at, converters, expression in compiled.converters:
        for convert in converters:
            values[at] = convert(values[at], expression, connection)
    made = compiled.model.from_db(connection.alias, compiled.names, values[compiled.start : compiled.end])
    for populator in compiled.populators:
        populator.populate(values, made)
    return made
