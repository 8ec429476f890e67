"""Questions whose shape never changes, put into SQL once a process instead of once a page.

Django builds a query's SQL anew each time; on a page of a dozen small questions that costs more than asking them. A
`Prepared` builds the query set once with a mark in place of each value, keeps its SQL, and makes the same instances from the
answer. The statement passes the same cursor, wrappers and tracing as any other.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from django.contrib.postgres.fields import ArrayField
from django.db import connections, models, router
from django.db.models import signals
from django.db.models.base import ModelState
from django.db.models.query import QuerySet, get_related_populators

M = TypeVar("M")
R = TypeVar("R", bound=models.Model)
# A number that no column holds is found nowhere; so Django answers it too.
_BEYOND = 2**63


@dataclass(slots=True)
class _Compiled:
    sql: str
    places: tuple[_Place, ...]
    model: type[models.Model] | None
    start: int
    end: int
    names: list[str]
    converters: list[tuple[int, list[Callable[..., Any]], Any]]
    populators: list[Any]

    def fill(self, values: dict[str, Any]) -> list[Any]:
        return [place.fill(values) for place in self.places]


class Prepared(Generic[M]):
    """A query set over named values: `Prepared(Note, lambda pk: Note.objects.filter(record_id=pk))`, then `.rows(pk=7)`.

    A value is a number, a text, a moment or a list (for `…__among` and its kin), and never None: a shape that depends on its
    values is another question. Related rows of `select_related` come along, and `values_list` of plain fields gives tuples;
    annotations do not work; what `defer` leaves out is asked for when it is read.
    """

    def __init__(self, model: type[models.Model], build: Callable[..., QuerySet[Any, M]]) -> None:
        self._model, self._build = model, build
        self._compiled: dict[tuple[Any, ...], _Compiled] = {}

    def rows(self, **values: Any) -> list[M]:
        """The instances that the query set would give; raises ValueError for a value that finds no place in it."""
        return list(self._rows(values))

    def first(self, **values: Any) -> M | None:
        """The first of the rows; the query set itself should ask for one only."""
        return next(self._rows(values), None)

    def columns(self, **values: Any) -> list[Row]:
        """The rows that `rows` would make instances of, as their columns alone, nothing of what is related; raises ValueError as it does."""
        compiled, connection, found = self._asked(values)
        start, end, names = compiled.start, compiled.end, compiled.names
        converters = [(names[at - start], converts, expression) for at, converts, expression in compiled.converters if start <= at < end]
        rows = []
        for answer in found:
            row = Row()
            row.__dict__ = columns = dict(zip(names, answer[start:end], strict=True))
            for name, converts, expression in converters:
                for convert in converts:
                    columns[name] = convert(columns[name], expression, connection)
            rows.append(row)
        return rows

    def _rows(self, values: dict[str, Any]) -> Iterator[M]:
        compiled, connection, found = self._asked(values)
        return map(_maker(compiled, connection), found)

    def _asked(self, values: dict[str, Any]) -> tuple[_Compiled, Any, list[Any]]:
        alias = router.db_for_read(self._model)
        compiled, connection = self._of(alias, values), connections[alias]
        if any(isinstance(value, int) and abs(value) >= _BEYOND for value in values.values()):
            return compiled, connection, []
        with connection.cursor() as cursor:
            cursor.execute(compiled.sql, compiled.fill(values))
            return compiled, connection, cursor.fetchall()

    def _of(self, alias: str, values: dict[str, Any]) -> _Compiled:
        kinds = (alias, *map(type, values.values()))
        compiled = self._compiled.get(kinds)
        if compiled is None:
            compiled = self._compiled[kinds] = _compile(self._build, alias, values)
        return compiled


def firsts(one: Prepared[Any], its: dict[str, Any], other: Prepared[Any], others: dict[str, Any]) -> tuple[Any, Any]:
    """The first row of each of two questions to one database, or None, in one round trip."""
    alias = router.db_for_read(one._model)
    connection, asked = connections[alias], (one._of(alias, its), other._of(alias, others))
    with connection.cursor() as cursor:
        cursor.execute(f"{asked[0].sql}; {asked[1].sql}", [*asked[0].fill(its), *asked[1].fill(others)])
        found = [cursor.fetchone()]
        cursor.nextset()
        found.append(cursor.fetchone())
    first, second = (None if row is None else _maker(compiled, connection)(row) for compiled, row in zip(asked, found, strict=True))
    return first, second


@models.AutoField.register_lookup
@models.BigAutoField.register_lookup
@models.CharField.register_lookup
class Among(models.Lookup):
    """`pk__among=[…]`, `deal__id__among=[…]`: equal to one of a list, in one parameter, so that the statement stays the same."""

    lookup_name = "among"
    prepare_rhs = False
    pattern = "{} = ANY(%s)"

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        left, params = self.process_lhs(compiler, connection)
        return self.pattern.format(left), [*params, list(self.rhs)]


@models.TextField.register_lookup
class AllLike(Among):
    """`text__all_like=["%a%", "%b%"]`: LIKE every pattern of a list; whoever gives them has escaped `%`, `_` and the backslash."""

    lookup_name = "all_like"
    pattern = "{} LIKE ALL(%s)"


@ArrayField.register_lookup
class Holds(Among):
    """`pieces__holds=[…]`: the array holds all of a list of texts."""

    lookup_name = "holds"
    pattern = "{} @> %s::text[]"


@functools.cache
def _of_key(model: type[R]) -> Prepared[R]:
    return Prepared(model, lambda pk: model._default_manager.filter(pk=pk))


def by_key(model: type[R], pk: int) -> R | None:
    """The row of a primary key, or None."""
    return _of_key(model).first(pk=pk)


@functools.cache
def _of_keys(model: type[R], without: tuple[str, ...]) -> Prepared[R]:
    return Prepared(model, lambda pks: model._default_manager.filter(pk__among=pks).order_by().defer(*without))


class Row:
    """A row's columns as attributes, and no more: many are made in the time of one instance. It saves nothing, and asks for nothing that is missing."""

    __slots__ = ("__dict__",)

    @property
    def pk(self) -> Any:
        """As of an instance, of a model whose key is its id."""
        return self.__dict__["id"]


def columns_by_keys(model: type[models.Model], pks: Iterable[int], *, without: tuple[str, ...] = ()) -> dict[int, Row]:
    """Primary key → the columns of its row, but for those `without`, in one statement: for those who only tell what is there."""
    key = model._meta.pk.attname
    return {row.__dict__[key]: row for row in _of_keys(model, without).columns(pks=list(pks))}


def by_keys(model: type[R], pks: Iterable[int], *, without: Iterable[str] = ()) -> dict[int, R]:
    """Primary key → row, in one statement; the columns `without` are left to be asked for when they are read."""
    name = model._meta.pk.attname  # of a page of 250, asking each row for its `pk` takes longer than this
    return {getattr(row, name): row for row in _of_keys(model, tuple(without)).rows(pks=list(pks))}


@functools.cache
def _names_of(model: type[models.Model]) -> Prepared[tuple[int, str]]:
    return Prepared(model, lambda pks: model._default_manager.filter(pk__among=pks).order_by().values_list("pk", "name"))


def names_by_key(model: type[models.Model], pks: Iterable[int]) -> dict[int, str]:
    """Primary key → name, in one statement; none where no keys are given."""
    wanted = list(pks)
    return dict(_names_of(model).rows(pks=wanted)) if wanted else {}


@dataclass(slots=True)
class _Place:
    """A parameter of the statement: a value that never changes, or where a named one goes, in the wrapper Django gave its mark."""

    fixed: Any = None
    name: str = ""
    wrap: Callable[[Any], Any] | None = None
    only: bool = False

    def fill(self, values: dict[str, Any]) -> Any:
        if not self.name:
            return self.fixed
        value = values[self.name]
        if self.wrap is not None:
            value = self.wrap(value)
        return [value] if self.only else value


def _compile(build: Callable[..., QuerySet[Any]], alias: str, values: dict[str, Any]) -> _Compiled:
    marks = {name: _mark(value, number) for number, (name, value) in enumerate(values.items())}
    rows = build(**marks).using(alias)
    compiler = rows.query.get_compiler(using=alias)
    sql, params = compiler.as_sql()
    places = tuple(_place(param, marks) for param in params)
    if lost := marks.keys() - {place.name for place in places}:
        raise ValueError(f"no place for {', '.join(sorted(lost))}")
    select, klass = compiler.select, compiler.klass_info
    if rows.query.values_select:  # a values_list
        return _Compiled(sql, places, None, 0, 0, [], _converters(compiler, select), [])
    start, end = klass["select_fields"][0], klass["select_fields"][-1] + 1
    names = [one[0].target.attname for one in select[start:end]]
    populators = get_related_populators(klass, select, alias)  # type: ignore[call-arg]  # the stubs are of a later Django
    return _Compiled(sql, places, klass["model"], start, end, names, _converters(compiler, select), populators)


def _converters(compiler: Any, select: Any) -> list[tuple[int, list[Callable[..., Any]], Any]]:
    found = compiler.get_converters([one[0] for one in select])
    return [(at, [_quick(convert) for convert in converts], expression) for at, (converts, expression) in found.items()]


def _quick(convert: Callable[..., Any]) -> Callable[..., Any]:
    """Of the objects that rows keep as JSON most are empty: those are not read letter by letter."""
    if not isinstance(getattr(convert, "__self__", None), models.JSONField):
        return convert
    return lambda value, expression, connection: {} if value == "{}" else convert(value, expression, connection)


def _mark(value: Any, number: int) -> Any:
    """A value of the same kind that stands nowhere else in the statement."""
    if isinstance(value, str):
        return f"mark-of-a-prepared-question-{number}"
    if isinstance(value, datetime):
        return datetime(1900, 1, 1, 0, 0, 7, 7, tzinfo=UTC) + timedelta(days=number)
    if isinstance(value, list):
        return [_mark(0, number)]
    if isinstance(value, int) and not isinstance(value, bool):
        return 1_907_070_707 + number
    raise ValueError(f"a prepared question takes numbers, texts, moments and lists, not {type(value).__name__}")


def _place(param: Any, marks: dict[str, Any]) -> _Place:
    for name, mark in marks.items():
        if param == mark:
            return _Place(name=name, wrap=None if type(param) is type(mark) else type(param))
        if param == [mark]:  # an array's only element
            return _Place(name=name, only=True)
    return _Place(fixed=param)


def _maker(compiled: _Compiled, connection: Any) -> Callable[[Sequence[Any]], Any]:
    """What makes of a row of the answer what the query set would give."""
    model, converters, populators, start, end = compiled.model, compiled.converters, compiled.populators, compiled.start, compiled.end
    make = None if model is None else _made(model, connection.alias, compiled.names)

    def one(row: Sequence[Any]) -> Any:
        values = list(row)
        for at, converts, expression in converters:
            for convert in converts:
                values[at] = convert(values[at], expression, connection)
        if make is None:
            return tuple(values)
        made = make(values[start:end])
        for populator in populators:
            populator.populate(values, made)
        return made

    return tuple if make is None and not converters else one


def _made(model: type[models.Model], alias: str, names: Sequence[str]) -> Callable[[Sequence[Any]], Any]:
    """What makes of a row what `Model.from_db` does, without setting each field by itself; `was_read` of a model is told, whichever way it came."""
    if _special(model):
        return lambda values: model.from_db(alias, names, values)
    new, noting = model.__new__, issubclass(model, Noting)

    def one(values: Sequence[Any]) -> Any:
        made = new(model)
        made._state = state = ModelState()
        state.adding, state.db = False, alias
        made.__dict__.update(zip(names, values, strict=True))
        if noting:
            made.was_read()  # type: ignore[attr-defined]  # as `noting` says
        return made

    return one


@functools.cache
def _special(model: type[models.Model]) -> bool:
    """Whether something of its own happens when one is made: then Django makes it."""
    overridden = model.__init__ is not models.Model.__init__ or model.from_db.__func__ not in (models.Model.from_db.__func__, Noting.from_db.__func__)  # type: ignore[attr-defined]
    return overridden or bool(signals.pre_init.has_listeners(model) or signals.post_init.has_listeners(model))


class Noting:
    """A model that notes how it was read from the database: `was_read` is called of each, by Django's query sets and by `Prepared`."""

    @classmethod
    def from_db(cls, db: Any, field_names: Any, values: Any, **given: Any) -> Any:
        """As Django's, and then `was_read`."""
        made = super().from_db(db, field_names, values, **given)  # type: ignore[misc]  # stands before a model
        made.was_read()
        return made

    def was_read(self) -> None:
        """What the model notes of its columns; those left out are not in `__dict__`."""
