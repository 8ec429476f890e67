"""GET /events: the journal in the API's words, newest first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpResponse

from crm_core.doors.amocrm import names, storing
from crm_core.doors.amocrm.happened.words import CUSTOMER, SOURCES, Told, currencies_of, told
from crm_core.doors.amocrm.models import Stored
from crm_core.doors.amocrm.records import collections
from crm_core.doors.amocrm.records.taking import visible
from crm_core.doors.amocrm.resources.account import account_id
from crm_core.doors.amocrm.wire import answers, brackets
from crm_core.doors.amocrm.wire.asking import Asked, whole
from crm_core.doors.amocrm.wire.fields import period, seconds
from crm_core.doors.amocrm.wire.problems import NotFaithful
from crm_core.engagement.tasks import services as tasks
from crm_core.engagement.tasks.models import Task
from crm_platform.events.models import Event
from crm_platform.kernel import permissions, reading
from crm_platform.kernel.errors import NotFound

MOST = 100
SIDES = ("value_before", "value_after")
FILTERS = ("id", "type", "entity", "entity_id", "created_by", "created_at", *SIDES)
# What a side may be asked for.
VALUES = ("leads_statuses", "customers_statuses", "responsible_user_id", "custom_field_values", "value")
_CODES = {word: code for code, word in names.SINGULARS.items()} | {"task": "task", CUSTOMER: CUSTOMER}
# What `with` may ask for: the name of the record that an event is of.
WANTS = tuple(f"{word}_name" for word in (*names.SINGULARS.values(), CUSTOMER))
_STEP = 500
# How many rows a question reads at most: an answer that would need more is cut off there, and its cursor leads on.
_FARTHEST = 50_000
# Of the events that one row tells.
_LAST_PLACE = 63
Row = tuple[Event, int, Told]
_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"


def index(asked: Asked) -> HttpResponse:
    """A page of events; `filter` by type, entity, author, time and values as documented."""
    given = asked.query.get("cursor")
    found, cursor = _page(asked, _rows(asked), behind=_number(given) if isinstance(given, str) else (0, 0))
    called = _names(asked, [one for _row, _at, one in found])
    return answers.page(asked, "events", [_draw(asked, *one, called) for one in found], more=bool(cursor), empty=not cursor, cursor=cursor)


def _page(asked: Asked, rows: QuerySet[Event], *, behind: tuple[int, int]) -> tuple[list[Row], str]:
    """The events of the page, and the cursor behind which more may follow; "" at the end.

    Without a cursor the page's number counts, and reads again all that stands before it, up to `_FARTHEST`. Where so many rows
    hold less than a page of what is asked for, the page is short, or empty, and names the cursor all the same.
    """
    pk, place = behind
    before, found = asked.first if not pk else 0, list[Row]()
    for number, stretch in enumerate(_stretches(rows.filter(pk__lte=pk) if pk else rows), 1):
        for one in _wanted(asked, stretch):
            if one[0].pk == pk and one[1] <= place:
                continue
            if before:
                before -= 1
                continue
            if len(found) == asked.limit:
                return found, _name(found[-1][0].pk, found[-1][1])
            found.append(one)
        if number * _STEP >= _FARTHEST:
            return found, "" if before else _name(stretch[-1].pk, _LAST_PLACE)
    return found, ""


def _rows(asked: Asked) -> QuerySet[Event]:
    asked.knows(FILTERS)
    _knows_values(asked)
    asks = asked.filters
    types = {_alias(one) for one in brackets.values(asks.get("type"))}
    wanted = {name for type_ in (types or SOURCES) for name in SOURCES.get(type_, ())}
    rows = Event.objects.filter(name__in=wanted).filter(period(asks.get("created_at"), "at")).order_by("-pk")
    if "created_by" in asks:
        authors = [whole(one) for one in brackets.values(asks["created_by"])[:10]]
        rows = rows.filter(Q(actor_id__in=authors) | (Q(actor_id=None) if 0 in authors else Q(pk__in=[])))
    if "id" in asks:
        rows = rows.filter(pk__in=[number for one in brackets.values(asks["id"])[:MOST] for number in [_number(one)[0]]])
    entities, ids = [_CODES.get(one, "") for one in brackets.values(asks.get("entity"))], [whole(one) for one in brackets.values(asks.get("entity_id"))[:10]]
    if entities and ids:
        rows = rows.filter(subjects__overlap=[f"{entity}:{pk}" for entity in entities for pk in ids])
    return rows


def _knows_values(asked: Asked) -> None:
    """Note what sides are asked for that they do not hold. Raises NotFaithful where the program asks strictly."""
    sides = {side: asked.filters.get(side) for side in SIDES}
    unknown = [f"filter[{side}][{name}]" for side, given in sides.items() if isinstance(given, dict) for name in given if name not in VALUES]
    if asked.strict and unknown:
        raise NotFaithful(detail=f"There is no filter named {unknown[0][:80]}.")
    asked.left_aside.extend(unknown)


def _alias(type_: str) -> str:
    """`custom_field_12_value_changed` is a change of a custom field, of that one."""
    parts = type_.split("_")
    return "custom_field_value_changed" if len(parts) == 5 and parts[:2] == ["custom", "field"] and reading.whole(parts[2]) is not None else type_


def _stretches(rows: QuerySet[Event]) -> Iterator[list[Event]]:
    """The rows in their order, some at a time."""
    stretch = list(rows[:_STEP])
    while stretch:
        yield stretch
        stretch = list(rows.filter(pk__lt=stretch[-1].pk)[:_STEP])


def _wanted(asked: Asked, stretch: list[Event]) -> Iterator[Row]:
    """The events of rows that are asked for, with their place in the row; those of records that the program may not see are left out."""
    currencies = currencies_of(stretch)
    each = [(row, at, one) for row in stretch for at, one in enumerate(told(row, currencies))]
    seen = _seen(asked, [one for _row, _at, one in each])
    yield from ((row, at, one) for row, at, one in each if (one.entity, one.record_id) in seen and _asked_for(asked, row, at, one))


def _names(asked: Asked, each: list[Told]) -> dict[tuple[str, int | None], str]:
    """The names of the records of events that `with` asks for, by word and number; what is gone has none."""
    found: dict[tuple[str, int | None], str] = {}
    for word in (*names.SINGULARS.values(), CUSTOMER):
        wanted = {one.record_id for one in each if one.entity == word and one.record_id is not None} if f"{word}_name" in asked.wants else set()
        if wanted and word == CUSTOMER:
            found |= {(word, pk): str(name or "") for pk, name in Stored.objects.filter(kind=CUSTOMER, pk__in=wanted).values_list("pk", "body__name")}
        elif wanted:
            found |= {(word, pk): name for pk, name in collections.ALL[_CODES[word]].kind.model.objects.filter(pk__in=wanted).values_list("pk", "name")}
    return found


def _seen(asked: Asked, each: list[Told]) -> set[tuple[str, int | None]]:
    if asked.actor.everything:
        return {(one.entity, one.record_id) for one in each}
    seen: set[tuple[str, int | None]] = set()
    for code, word in names.SINGULARS.items():
        wanted = {one.record_id for one in each if one.entity == word and one.record_id is not None}
        seen |= {(word, pk) for pk in visible(asked.actor, collections.ALL[code], wanted)}
    if permissions.may(asked.actor, storing.STORED.right("view")):
        seen |= {(CUSTOMER, one.record_id) for one in each if one.entity == CUSTOMER}
    promised = {one.record_id for one in each if one.entity == "task" and one.record_id is not None}
    if promised:
        seen |= {("task", pk) for pk in Task.objects.filter(tasks.reach(asked.actor), pk__in=promised).values_list("pk", flat=True)}
    return seen


def _asked_for(asked: Asked, row: Event, at: int, one: Told) -> bool:
    asks = asked.filters
    types = brackets.values(asks.get("type"))
    if types and one.type not in types and f"custom_field_{one.field_id}_value_changed" not in types:
        return False
    entities = brackets.values(asks.get("entity"))
    if entities and one.entity not in entities:
        return False
    if "id" in asks and _name(row.pk, at) not in brackets.values(asks["id"]):
        return False
    return all(_fits(side, asks.get(name)) for name, side in zip(SIDES, (one.before, one.after), strict=True))


def _fits(side: list[dict[str, Any]], asks: Any) -> bool:
    """Whether a side of an event is among what is asked for; True where nothing is."""
    if not isinstance(asks, dict) or not asks.keys() & {*VALUES}:
        return True
    statuses = [(str(one.get("pipeline_id")), str(one.get("status_id"))) for one in (asks.get("leads_statuses") or {}).values() if isinstance(one, dict)] if isinstance(asks.get("leads_statuses"), dict) else []
    customers = {str(one.get("status_id")) for one in asks["customers_statuses"].values() if isinstance(one, dict)} if isinstance(asks.get("customers_statuses"), dict) else set()
    people, enums = brackets.values(asks.get("responsible_user_id")), brackets.values(asks.get("custom_field_values"))
    words = brackets.uncut(asks.get("value"))
    for value in side:
        status = value.get("lead_status")
        if status and (str(status["pipeline_id"]), str(status["id"])) in statuses:
            return True
        if str(value.get("customer_status", {}).get("id")) in customers:
            return True
        if str(value.get("responsible_user", {}).get("id")) in people:
            return True
        if str(value.get("custom_field_value", {}).get("enum_id")) in enums:
            return True
        if _word(value) in words:
            return True
    return False


def _word(value: Mapping[str, Any]) -> str | None:
    """What stood there, of names, prices and fields: as `filter[value_after][value]` compares it, whole."""
    for one, name in (("sale_field_value", "sale"), ("name_field_value", "name"), ("custom_field_value", "text")):
        if one in value:
            return str(value[one][name])
    return None


def show(asked: Asked, code: str) -> HttpResponse:
    """One event."""
    pk, at = _number(code)
    row = Event.objects.filter(pk=pk).first()
    each = told(row, currencies_of([row])) if row is not None else []
    if row is None or at >= len(each) or (each[at].entity, each[at].record_id) not in _seen(asked, [each[at]]):
        raise NotFound
    return answers.told(_draw(asked, row, at, each[at], _names(asked, [each[at]])))


def _draw(asked: Asked, row: Event, at: int, one: Told, called: Mapping[tuple[str, int | None], str]) -> dict[str, Any]:
    path = {"task": "tasks"}.get(one.entity, f"{one.entity}s" if one.entity != "company" else "companies")
    code, named = _name(row.pk, at), (one.entity, one.record_id)
    return {
        "id": code, "type": one.type, "entity_id": one.record_id, "entity_type": one.entity, "created_by": row.actor_id or 0, "created_at": seconds(row.at),
        "value_after": one.after, "value_before": one.before, "account_id": account_id(), "_links": answers.href(asked, f"events/{code}"),
        "_embedded": {"entity": {"id": one.record_id, **({"name": called[named]} if named in called else {}), "_links": answers.href(asked, f"{path}/{one.record_id}")}},
    }  # fmt: skip


def _name(pk: int, at: int) -> str:
    """26 letters that sort as time does: the row's number and the place in it."""
    number, letters = pk * 64 + at, ""
    while number:
        number, digit = divmod(number, 32)
        letters = _DIGITS[digit] + letters
    return letters.rjust(26, "0")


def _number(code: str) -> tuple[int, int]:
    number = 0
    for letter in code.lower()[:26]:
        if letter not in _DIGITS:
            return 0, 0
        number = number * 32 + _DIGITS.index(letter)
    return (number // 64, number % 64) if number < 2**63 else (0, 0)


def types(asked: Asked) -> HttpResponse:
    """The types of events that are told."""
    language = asked.query.get("language_code")
    rows = [{"key": type_, "type": number, "lang": type_.replace("_", " ").capitalize()} for number, type_ in enumerate(SOURCES, 1)]
    return answers.all_of(asked, "events_types", rows, language_code=language if isinstance(language, str) and language not in ("", "None") else None)
