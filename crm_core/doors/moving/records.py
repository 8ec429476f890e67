"""Companies, contacts, deals and products: ids are turned into ours, then they go the way of the open API's own items."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.translation import gettext as _

from crm_core.doors.amocrm.records import collections, taking
from crm_core.doors.amocrm.records.tagging import COLOURED
from crm_core.doors.amocrm.wire.fields import Item
from crm_core.doors.amocrm.wire.texts import clean
from crm_core.groundwork.imports.running import savepoint
from crm_core.groundwork.records import writing
from crm_core.groundwork.records.ordering import fold
from crm_core.groundwork.records.registry import Kind
from crm_core.groundwork.tags import palette
from crm_core.groundwork.tags import services as tags
from crm_core.people import reaching
from crm_core.sales.pipelines import queries as pipelines
from crm_core.sales.pipelines import unsaid
from crm_core.sales.pipelines.models import StageKind
from crm_core.sales.products.models import Product
from crm_platform.kernel import gates, money, preferences
from crm_platform.kernel.errors import Invalid

from . import values as custom
from .work import Row, Work, embedded

Values = dict[str, Any]
_LENGTHS = {"name": 250, "first_name": 120, "last_name": 120}


def write(work: Work, plural: str, rows: Sequence[Row]) -> None:
    """Bring in a page; what came before is passed over, one that is here by its number elsewhere and its name is taken as that one."""
    collection = collections.find(plural)
    fresh = work.fresh(plural, rows)
    known = _known(work, collection.kind, fresh)
    work.keep(plural, [(row["id"], pk) for row in fresh if (pk := known.get(id(row))) is not None], count=False)
    wanted = [row for row in fresh if id(row) not in known]
    ids = {name: work.ours(name, (one.get("id") for row in wanted for one in embedded(row, name))) for name in ("companies", "contacts")}
    lines = _lines(work, wanted) if plural == "leads" else {}
    pairs: list[tuple[Row, Values]] = []
    for row in wanted:
        values = _values(work, collection, row, ids)
        if plural == "leads":
            values |= _of_deal(work, row, lines)
        pairs.append((row, values))
    create(work, plural, collection.kind, pairs)


def external_id(row: Row) -> str:
    """By what a record is found again by programs: its own number elsewhere if it had one there, else the one it has over there."""
    return clean(str(row.get("external_id") or row["id"]))[:200]


def _known(work: Work, kind: Kind, rows: Sequence[Row]) -> dict[int, int]:
    """Records that a table brought in before, by the number that it said: of the same name, for numbers alone are not enough."""
    by_number = {external_id(row): row for row in rows}
    found: dict[int, int] = {}
    for pk, number, name in kind.model.objects.kept().filter(external_id__in=list(by_number)).values_list("pk", "external_id", "name"):
        row = by_number[number]
        if fold(name) == fold(str(row.get("name") or "")):
            found[id(row)] = pk
    return found


def _values(work: Work, collection: collections.Collection, row: Row, ids: dict[str, dict[str, int]]) -> Values:
    """What the verbs take. What cannot be read is left out, and told."""
    body = _body(work, collection.plural, row, ids)
    for _attempt in range(3):
        item = Item(body)
        found = taking.fresh(work.actor, item, collection)
        taking.linked(work.actor, [item], collection, [found])
        if not item.faults:
            break
        for fault in item.faults:
            work.leave(collection.plural, row["id"], row.get("name"), _("“{what}” could not be read: {why}").format(what=_said_of(body, fault.path), why=fault.detail))
        _without(body, [fault.path for fault in item.faults])
    return {**found, "responsible_id": work.person(row.get("responsible_user_id")), **({"updated_by": None} if "updated_by" not in found else {})}


def _body(work: Work, plural: str, row: Row, ids: dict[str, dict[str, int]]) -> Row:
    """The item as it would be sent to our own API."""
    body: Row = {name: row[name] for name in ("created_at", "updated_at", "closed_at") if row.get(name)}
    for name, most in _LENGTHS.items():
        if isinstance(row.get(name), (str, int)):
            body[name] = clean(str(row[name]))[:most]
            if len(clean(str(row[name]))) > most:
                work.leave(plural, row["id"], row.get("name"), _("Its name is longer than {most} letters and was cut.").format(most=most))
    for name in ("created_by", "updated_by"):
        body[name] = work.person(row.get(name)) or 0
    body["external_id"] = external_id(row)
    body["custom_fields_values"] = custom.translated(work, plural, row)
    links = {name: [{**one, "id": ours[str(one.get("id"))]} for one in embedded(row, name) if str(one.get("id")) in ours] for name, ours in ids.items()}
    body["_embedded"] = {"tags": _tags(work, plural, embedded(row, "tags")), **{name: rows for name, rows in links.items() if rows}}
    return body


def _tags(work: Work, plural: str, rows: Sequence[Row]) -> list[Row]:
    """The tags of an item; new ones of deals get the colour they have over there."""
    named = {str(one["name"])[:60]: str(one.get("color") or "") for one in rows if one.get("name")}
    if plural == COLOURED and named:
        tags.ids_of(collections.LEADS.entity, named, by=work.actor, colours={fold(name): colour for name, colour in named.items() if colour in palette.HUES})
    return [{"name": name} for name in named]


def _without(body: Row, paths: Sequence[str]) -> None:
    """Leave out what a fault was noted at: a value of a field, or a whole name."""
    gone = {int(path.split(".")[1]) for path in paths if path.startswith("custom_fields_values.")}
    body["custom_fields_values"] = [one for at, one in enumerate(body["custom_fields_values"]) if at not in gone]
    for name in {path.partition(".")[0] for path in paths} - {"custom_fields_values"}:
        body.pop(name, None)


def _said_of(body: Row, path: str) -> str:
    parts = path.split(".")
    if parts[0] == "custom_fields_values" and len(parts) > 1:
        one = body["custom_fields_values"][int(parts[1])]
        return f"{one.get('field_name') or one.get('field_id')}: {str([value.get('value') for value in one.get('values') or []])[:120]}"
    return parts[0]


def _of_deal(work: Work, row: Row, lines: dict[str, tuple[str, int]]) -> Values:
    """Where it stands, what it is worth, why it was lost, what is sold by it, where it came from."""
    here, board = work.here, pipelines.everything()
    stage = board.stages.get(here["stages"].get(f"{row.get('pipeline_id')}:{row.get('status_id')}") or 0)
    if stage is None:
        work.leave("leads", row["id"], row.get("name"), _("Its stage is not known over there; it stands in the first."))
        stage = board.open_of(here["pipelines"].get(str(row.get("pipeline_id"))) or pipelines.first().pk)[0]
    currency = str(work.move.inventory["account"]["currency"])
    values: Values = {"stage_id": stage.pk, "currency": currency if currency in money.CURRENCIES else preferences.here().currency}
    values["sum_minor"] = minor(row.get("price"), values["currency"]) or None  # over there nobody tells 0 from no sum
    if stage.kind == StageKind.LOST:
        given = row.get("loss_reason_id") or next((one.get("id") for one in embedded(row, "loss_reason")), None)
        values["lost_reason_id"] = here["reasons"].get(str(given)) or unsaid.reason().pk
    if stage.kind != StageKind.OPEN and (closed_at := Item(row).moment("closed_at")) is not None:
        values["closed_at"] = closed_at
    source = next((one["name"] for one in work.move.inventory["sources"] if one["id"] == row.get("source_id")), "")
    sold = [(lines[str(one.get("id"))], one) for one in embedded(row, "catalog_elements") if str(one.get("id")) in lines]
    if sold:
        values["lines"] = [{"product": name, "price_minor": price, "quantity_milli": _milli(one)} for (name, price), one in sold]
    return {**values, **({"source": str(source)[:120]} if source else {})}


def minor(price: Any, currency: str) -> int | None:
    """A price of the wire in minor units; None for none, and for what is no amount."""
    try:
        amount = None if price in (None, "") else Decimal(str(price))
    except InvalidOperation:
        return None
    return None if amount is None or not amount.is_finite() or abs(amount) >= Decimal(10) ** 14 else money.minor(amount, currency=currency)


def _milli(link: Row) -> int:
    meta = link.get("metadata")
    try:
        return max(0, min(round(float(meta.get("quantity", 1)) * 1000), 10**12)) if isinstance(meta, dict) else 1000
    except (TypeError, ValueError, OverflowError):
        return 1000


def _lines(work: Work, rows: Sequence[Row]) -> dict[str, tuple[str, int]]:
    """Name and price of our products by the elements that deals have."""
    ours = work.ours("products", (one.get("id") for row in rows for one in embedded(row, "catalog_elements")))
    found = {pk: (name, price or 0) for pk, name, price in Product.objects.filter(pk__in=ours.values()).values_list("pk", "name", "price_minor")}
    return {foreign: found[pk] for foreign, pk in ours.items() if pk in found}


def create(work: Work, plural: str, kind: Kind, pairs: list[tuple[Row, Values]]) -> None:
    """Make the records: as many as the plan has room for; one that is refused is mended by leaving out what is wrong, or left and told."""
    waiting = _with_room(work, plural, kind, pairs)
    while waiting:
        try:
            with savepoint():
                made = writing.create_many(work.actor, kind, [values for _row, values in waiting])
        except Invalid as refused:
            row, values = waiting[refused.at]
            work.leave(plural, row["id"], row.get("name"), refused.message)
            if not _mended(values, refused):
                del waiting[refused.at]
            continue
        work.keep(plural, [(row["id"], record.pk) for (row, _values), record in zip(waiting, made, strict=True)])
        return


def _mended(values: Values, refused: Invalid) -> bool:
    """Whether what was refused could be left out: a value of a field, an e-mail that is none."""
    before = str(values)
    for name in refused.fields:
        if name.startswith("custom_"):
            values.get("custom", {}).pop(name.removeprefix("custom_"), None)
        elif name == "emails":
            values["emails"] = [one for one in values.get("emails", []) if _is_email(one)]
        elif name not in ("name", "first_name", "stage", "lost_reason"):
            values.pop(name, None)
    return str(values) != before


def _is_email(one: Row) -> bool:
    try:
        reaching.clean_emails([one])
    except Invalid:
        return False
    return True


def _with_room(work: Work, plural: str, kind: Kind, pairs: list[tuple[Row, Values]]) -> list[tuple[Row, Values]]:
    metric: Callable[[Values], str] = _METRICS.get(kind.code, lambda values: "")
    counted = {one for _row, values in pairs if (one := metric(values))}
    room = {one: gates.usage(one).room for one in counted}
    kept = []
    for row, values in pairs:
        left = room.get(metric(values))
        if left == 0:
            work.leave(plural, row["id"], row.get("name"), _("Your plan has no room for it. With a larger plan, move again: what is here already is not doubled."))
            continue
        if left is not None:
            room[metric(values)] = left - 1
        kept.append((row, values))
    return kept


def _counts_open(values: Values) -> str:
    stage = pipelines.everything().stages.get(values["stage_id"])
    return "deals_open" if stage is not None and stage.kind == StageKind.OPEN else ""


_METRICS: dict[str, Callable[[Values], str]] = {"contact": lambda values: "contacts", "company": lambda values: "contacts", "deal": _counts_open}

