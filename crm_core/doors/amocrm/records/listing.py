"""Lists: what the program may see, narrowed by its filters, in its order, a page at a time."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db.models import Min, Model, Q, QuerySet
from django.utils.http import parse_http_date_safe

from crm_core.doors.amocrm import names
from crm_core.doors.amocrm.fields import known
from crm_core.doors.amocrm.records.collections import ALL, Collection
from crm_core.doors.amocrm.wire import brackets, cursors
from crm_core.doors.amocrm.wire.asking import MOST_IDS, Asked, whole, wholes
from crm_core.doors.amocrm.wire.fields import period
from crm_core.engagement.tasks.models import Task
from crm_core.groundwork.custom_fields.models import FieldIndex, Kind
from crm_core.groundwork.search import queries as search
from crm_core.people import reaching
from crm_core.sales.pipelines.models import StageKind
from crm_platform.db.prepared import Prepared, columns_by_keys
from crm_platform.kernel import money, permissions, preferences, reading

Rows = QuerySet[Any]
ORDERS = ("id", "created_at", "updated_at")
# `with=total` counts the whole list.
TOTAL = "total"


def rows_of(asked: Asked, collection: Collection) -> Rows:
    """The records of a list, unordered. Raises NotFaithful where the program asks strictly for a filter that is none."""
    kind = collection.kind
    rows: Rows = kind.model.objects.binned() if "only_deleted" in asked.wants else _kept_of(kind.code).all()
    if reach := permissions.reach(asked.actor, kind.entity.VIEW):
        rows = rows.filter(reach)
    asked.knows(filters_of(collection), orders=ORDERS, wants=wants_of(collection))
    asked.leave_aside((name, f"There is no field to filter by at {name[:80]}.") for name in _strange_fields(asked, collection))
    for name, given in asked.filters.items():
        apply = _OF_DEALS.get(name) if collection.entity == names.CODES["leads"] else None
        apply = apply or _FILTERS.get(name)
        rows = apply(rows, given, collection) if apply is not None else rows
    if asked.text:
        rows = rows.filter(pk__in=search.matching_ids(asked.actor, kind.code, asked.text))
    return rows


@functools.cache
def _kept_of(entity: str) -> Rows:
    """What is kept of a kind of record, never asked itself: what every list begins with is put together once."""
    kept: Rows = ALL[entity].kind.model.objects.kept()
    return kept


def unchanged(asked: Asked, rows: Rows) -> bool:
    """Whether nothing of the list changed since If-Modified-Since; False without that header."""
    since = reading.moment(parse_http_date_safe(asked.request.headers.get("If-Modified-Since", "")))
    return since is not None and not rows.filter(updated_at__gte=since + timedelta(seconds=1)).exists()


def page_of(asked: Asked, collection: Collection, rows: Rows) -> tuple[list[Any], bool, str]:
    """The records of the page, whether more follow, and the cursor behind which those stand.

    Without a cursor the page's number counts, as ever; with one, what was made or deleted meanwhile moves nothing.
    """
    name, down = asked.order if asked.order and asked.order[0] in ORDERS else ("id", False)
    way = "-" if down else ""
    order = tuple(dict.fromkeys([f"{way}{name}", f"{way}id"]))
    behind = cursors.condition(asked.query.get("cursor", ""), name, down=down)
    if behind is None and _takes_all(asked, collection):
        model: type[Model] = rows.model
        found_keys = [pk for (pk,) in _keys_of_all(model, order, asked.first, asked.limit + 1).rows()]
        pks, more = found_keys[: asked.limit], len(found_keys) > asked.limit
    else:
        ordered = rows.order_by(*order)
        keys = (ordered.filter(behind) if behind else ordered).values_list("pk", flat=True)
        pks, more = asked.stretch(keys, first=0 if behind else None)
    found = columns_by_keys(rows.model, pks, without=collection.untold)  # of a large page the making of instances is more time than the drawing
    page = [found[pk] for pk in pks if pk in found]
    return page, more, cursors.after(page[-1], name) if more and page else ""


def _takes_all(asked: Asked, collection: Collection) -> bool:
    """Whether the list is of everything that is kept: asked so most often, by those who copy it."""
    narrowed = asked.filters or asked.text or "only_deleted" in asked.wants
    return not (narrowed or permissions.reach(asked.actor, collection.kind.entity.VIEW))


@functools.lru_cache(maxsize=200)
def _keys_of_all(model: type[Model], order: tuple[str, ...], at: int, most: int) -> Prepared[tuple[int]]:
    rows: Rows = model.objects.kept().order_by(*order)  # type: ignore[attr-defined]  # records have it
    return Prepared(model, lambda: rows.values_list("pk")[at : at + most])


Apply = Callable[[Rows, Any, Collection], Rows]


# What programs ask for and every answer has, or what there is none of here.
_TOLD_ANYWAY = ("tags", "is_price_modified_by_robot", "social_profiles")


def wants_of(collection: Collection) -> tuple[str, ...]:
    """What a list of the collection may tell beside."""
    return (*collection.links, *sorted(collection.sourced), *_TOLD_ANYWAY, "only_deleted", TOTAL)


def filters_of(collection: Collection) -> tuple[str, ...]:
    """What a list of the collection may be narrowed by."""
    return (*_FILTERS, *(_OF_DEALS if collection.entity == names.CODES["leads"] else ()))


def _ids(field: str) -> Apply:
    def apply(rows: Rows, given: Any, _collection: Collection) -> Rows:
        wanted = wholes(given)
        if 0 in wanted and field in ("created_by", "updated_by"):  # the API's 0 is the robot
            return rows.filter(Q(**{f"{field}__in": wanted}) | Q(**{field: None}))
        return rows.filter(**{f"{field}__in": wanted})

    return apply


def _moments(field: str) -> Apply:
    return lambda rows, given, _collection: rows.filter(period(given, field))


def _name(rows: Rows, given: Any, _collection: Collection) -> Rows:
    return rows.filter(name__in=brackets.uncut(given)[:MOST_IDS])


def _price(rows: Rows, given: Any, _collection: Collection) -> Rows:
    """By the price as it is told: whole units, the rest cut off, and 0 where there is no sum."""
    if brackets.is_range(given):
        least, most = _decimal(given.get("from")), _decimal(given.get("to"))
        if least is not None:
            rows = rows.filter(_or_none(_worth("gte", least), least <= 0))
        if most is not None:
            rows = rows.filter(_or_none(_below(most), most >= 0))
        return rows
    wanted = Q(pk__in=[])
    for amount in [amount for amount in map(_decimal, brackets.values(given)[:MOST_IDS]) if amount is not None]:
        wanted |= _or_none(_worth("gte", amount) & _below(amount), amount == 0)
    return rows.filter(wanted)


def _or_none(condition: Q, zero_fits: bool) -> Q:
    return condition | Q(sum_minor=None) if zero_fits else condition


def _below(amount: Decimal) -> Q:
    """Sums told as no more than that: up to the next whole unit, where it is one."""
    return _worth("lt", amount + 1) if amount == amount.to_integral_value() and amount >= 0 else _worth("lte", amount)


def _worth(comparison: str, amount: Decimal) -> Q:
    """Sums compared with so much of the deal's own currency: most count in hundredths, a few in thousandths or whole units."""
    condition = Q(**{f"sum_minor__{comparison}": money.minor(amount, currency="")}) & ~Q(currency__in=money.DIGITS)
    for digits in set(money.DIGITS.values()):
        odd = [code for code, count in money.DIGITS.items() if count == digits]
        condition |= Q(**{f"sum_minor__{comparison}": money.minor(amount, currency=odd[0])}, currency__in=odd)
    return condition


def _decimal(given: Any) -> Decimal | None:
    try:
        amount = Decimal(given) if isinstance(given, str) else None
    except InvalidOperation:
        return None
    return amount if amount is not None and amount.is_finite() and abs(amount) < Decimal(10) ** 14 else None


def _statuses(rows: Rows, given: Any, _collection: Collection) -> Rows:
    wanted = Q(pk__in=[])
    for one in given.values() if isinstance(given, dict) else ():
        if isinstance(one, dict):
            pipeline = whole(one.get("pipeline_id"))
            stage = names.stage_of(whole(one.get("status_id")), pipeline_id=pipeline)
            if stage is not None and stage.pipeline_id == pipeline:
                wanted |= Q(stage_id=stage.pk)
    return rows.filter(wanted)


def _status(rows: Rows, given: Any, _collection: Collection) -> Rows:
    """`filter[status_id]`, which clients send without the pipeline: won and lost mean those of all."""
    ids = [whole(one) for one in brackets.values(given)[:MOST_IDS]]
    states = [state for number, state in ((names.WON, StageKind.WON), (names.LOST, StageKind.LOST)) if number in ids]
    return rows.filter(Q(stage_id__in=[one - names.ABOVE for one in ids if one > names.ABOVE]) | Q(state__in=states))


def _closest_task(rows: Rows, given: Any, collection: Collection) -> Rows:
    """When the nearest open task is due: deals keep it, of others it is asked."""
    if collection.entity == names.CODES["leads"]:
        return _moments("next_task_at")(rows, given, collection)
    nearest = Task.objects.filter(entity=collection.entity, done_at=None, binned_at=None, record_id__isnull=False).values("record_id").annotate(nearest=Min("due_at")).order_by()
    return rows.filter(pk__in=nearest.filter(period(given, "nearest")).values("record_id"))


# Fields of ours that records are found by: through what makes them the same person, and as they stand in their column.
_BY_KEYS, _BY_COLUMN = ("phones", "emails"), ("position", "site")


def _custom(rows: Rows, given: Any, collection: Collection) -> Rows:
    """Values of one field are alternatives, different fields all hold."""
    fields = {str(one.id): one for one in known.of(collection.entity) if _is_findable(one)}
    for key, wanted in given.items() if isinstance(given, dict) else ():
        field = fields.get(key)
        if field is None:
            continue
        if field.row is not None:
            rows = rows.filter(pk__in=matching(field.row, wanted))
        elif field.attribute in _BY_KEYS:
            rows = rows.filter(keys__overlap=_keys(field.attribute, brackets.values(wanted)))
        else:
            rows = rows.filter(**{f"{field.attribute}__in": brackets.uncut(wanted)[:MOST_IDS]})
    return rows


def _is_findable(field: known.Known) -> bool:
    """Whether records are found by a field: the firm's own by their index, ours by keys or by their column."""
    return field.row.filterable if field.row is not None else field.attribute in (*_BY_KEYS, *_BY_COLUMN)


def _strange_fields(asked: Asked, collection: Collection) -> list[str]:
    """Fields of a filter that are none here, or that nothing is found by, as the question wrote them."""
    given = asked.filters.get("custom_fields_values")
    findable = {str(one.id) for one in known.of(collection.entity) if _is_findable(one)}
    return [f"filter[custom_fields_values][{key}]" for key in (given if isinstance(given, dict) else ()) if key not in findable]


def _keys(attribute: str, texts: list[str]) -> list[str]:
    return [f"p:{reaching.digits(text)}" if attribute == "phones" else f"e:{text.lower()}" for text in texts]


def matching(row: Any, wanted: Any) -> Any:
    """A sub-query of the ids of records whose values of a field fit a filter: one of several, or a range."""
    index = FieldIndex.objects.filter(field=row)
    column = {Kind.NUMBER: "num", Kind.MONEY: "num", Kind.DATE: "at", Kind.OTHER: "num"}.get(row.kind)
    if column and brackets.is_range(wanted):
        for end, comparison in (("from", "gte"), ("to", "lte")):
            read = _plain(row.kind, wanted.get(end))
            if read is not None:
                index = index.filter(**{f"{column}__{comparison}": read})
        return index.values("record_id")
    texts = (brackets.uncut(wanted) if row.kind in (Kind.TEXT, Kind.LINK) else brackets.values(wanted))[:MOST_IDS]
    if row.kind in (Kind.LIST, Kind.MULTI, Kind.CHECKBOX):
        options = [1 if text in ("true", "1") else 0 for text in texts] if row.kind == Kind.CHECKBOX else [whole(text, default=-1) for text in texts]
        return index.filter(option__in=[option for option in options if abs(option) < 2**31]).values("record_id")
    if column:
        return index.filter(**{f"{column}__in": [read for text in texts if (read := _plain(row.kind, text)) is not None]}).values("record_id")
    return index.filter(text__in=[text[:200].lower() for text in texts]).values("record_id")


def _plain(kind: str, text: Any) -> Any:
    if kind not in (Kind.DATE, Kind.OTHER):
        return _decimal(text)
    zone = preferences.zone()
    moment = reading.moment(text, zone=zone) if isinstance(text, str) else None
    if moment is None:
        return None
    return moment.astimezone(zone).date() if kind == Kind.DATE else int(moment.timestamp())


_FILTERS: dict[str, Apply] = {
    "id": _ids("pk"), "name": _name, "created_by": _ids("created_by"), "updated_by": _ids("updated_by"), "responsible_user_id": _ids("responsible"),
    "created_at": _moments("created_at"), "updated_at": _moments("updated_at"), "closest_task_at": _closest_task, "custom_fields_values": _custom,
    "external_id": lambda rows, given, _collection: rows.filter(external_id__in=brackets.values(given)[:MOST_IDS]),
}  # fmt: skip
_OF_DEALS: dict[str, Apply] = {
    "price": _price, "statuses": _statuses, "status_id": _status, "pipeline_id": _ids("pipeline"), "closed_at": _moments("closed_at"),
}  # fmt: skip
