"""Custom fields and their groups: those of leads, contacts and companies, of customers, segments and catalogs."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext as _

from crm_core.doors.amocrm import names, storing
from crm_core.doors.amocrm.fields.known import KIND_OF, Known, of, type_of
from crm_core.doors.amocrm.models import Stored
from crm_core.doors.amocrm.resources.account import account_id
from crm_core.doors.amocrm.wire import answers, brackets
from crm_core.doors.amocrm.wire.asking import Asked
from crm_core.doors.amocrm.wire.fields import Item, items_of, settle
from crm_core.groundwork.custom_fields import services as custom
from crm_core.groundwork.custom_fields.models import CustomField, Kind
from crm_platform.kernel.errors import Invalid, NotFound

# What a program may say of a field beyond name and type: kept and told back.
SAID = (
    "group_id", "is_api_only", "is_visible", "is_required", "required_statuses", "hidden_statuses", "chained_lists", "tracking_callback", "remind", "triggers",
    "currency", "search_in", "settings", "nested",
)  # fmt: skip
FILTERS, ORDERS = ("id", "type"), ("sort", "id")
_GROUP = "field_group"
# Where the API counts the places of fields from that say none.
_FIRST = 500


def index(asked: Asked, entity: str, path: str) -> HttpResponse:
    """A page of the fields of an entity; `filter` by id and type narrows them, `order` is by `sort` or `id`: else those of the product come first."""
    asked.knows(FILTERS, orders=ORDERS)
    ids, types = brackets.values(asked.filters.get("id")), brackets.values(asked.filters.get("type"))
    found = [one for one in of(entity) if (not ids or str(one.id) in ids) and (not types or one.type in types)]
    name, down = asked.order or ("", False)
    if name in ORDERS:
        found.sort(key=lambda one: (_sort(one) if name == "sort" else 0, one.id), reverse=down)
    page, more = asked.stretch(found)
    counts = {"_total_items": len(found), "_page_count": max(1, -(-len(found) // asked.limit))}
    return answers.page(asked, "custom_fields", [draw(asked, one, entity, path) for one in page], more=more, counts=counts, empty=False)


def show(asked: Asked, entity: str, path: str, pk: int) -> HttpResponse:
    """One field."""
    return answers.told(draw(asked, _known(entity, pk), entity, path))


def _known(entity: str, pk: int) -> Known:
    found = next((one for one in of(entity) if one.id == pk), None)
    if found is None:
        raise NotFound
    return found


def _own_field(entity: str, pk: int) -> None:
    """Raises NotFound, and Invalid for a field that is the product's."""
    if _known(entity, pk).row is None:
        raise Invalid(fields={"id": [_("This field belongs to the product and cannot be changed.")]})


def draw(asked: Asked, one: Known, entity: str, path: str) -> dict[str, Any]:
    """A field as the API tells it."""
    row, said = one.row, one.row.wire if one.row else {}
    told: dict[str, Any] = {
        "id": one.id, "name": one.name, "code": one.code, "sort": _sort(one), "type": one.type,
        "entity_type": names.PLURALS.get(entity, path.split("/")[0]), "account_id": account_id(), "is_predefined": row is None, "is_deletable": row is not None,
        "is_computed": False, "is_required": bool(row and row.required), "group_id": None, "is_api_only": False, "is_visible": True, "enums": _enums(one), "nested": None,
        "required_statuses": [], "hidden_statuses": [], "chained_lists": None, "tracking_callback": None, "remind": None, "triggers": [], "currency": None,
        "search_in": None, "settings": None, "catalog_id": int(path.split("/")[1]) if path.startswith("catalogs/") else None,
    }  # fmt: skip
    return {**told, **{name: said[name] for name in SAID if name in said}, "_links": answers.href(asked, f"{path}/{one.id}")}


def _sort(one: Known) -> int:
    said = one.row.wire.get("sort") if one.row else None
    return said if isinstance(said, int) else (one.row.order if one.row else 0) + _FIRST


def _enums(one: Known) -> list[dict[str, Any]] | None:
    if one.row is None:
        return [{"id": pk, "value": code, "sort": at, "code": code} for at, (pk, code) in enumerate(one.enums)] or None
    if one.row.kind not in (Kind.LIST, Kind.MULTI):
        kept = one.row.wire.get("enums")
        return kept if isinstance(kept, list) else None
    live = [option for option in one.row.options if not option.get("archived")]
    return [{"id": option["id"], "value": option["label"], "sort": option.get("sort", at), "code": option.get("code")} for at, option in enumerate(live)]


def make(asked: Asked, entity: str, path: str) -> HttpResponse:
    """Add fields, all of them or none."""
    items = items_of(asked.items)
    made = []
    for item in items:
        name, kind = item.text("name", most=120), KIND_OF.get(item.text("type") or "text")
        if kind is None:
            item.fault("type", "The value you selected is not a valid choice.", code="NotSupportedChoice")
        settle(items)
        with item.refused_here():
            rows = _options(item, []) if kind in (Kind.LIST, Kind.MULTI) else []
            field = custom.add_field(asked.actor, entity=entity, name=name, kind=str(kind), options=[row["label"] for row in rows], required=bool(item.flag("is_required")), bare=True)
            custom.describe_field(asked.actor, field.pk, wire=_said(item, {}, entity), options=rows or None)
        made.append((item, field.pk))
    return answers.made(asked, "custom_fields", [{**draw(asked, _known(entity, pk), entity, path), "request_id": item.request_id} for item, pk in made], status=201, _total_items=len(made))


def _said(item: Item, before: dict[str, Any], entity: str) -> dict[str, Any]:
    """What is kept of a field beside our own columns. Raises Invalid for a code that another field has."""
    said = {**before, **{name: item.body[name] for name in SAID if item.given(name)}}
    if item.text("type"):
        said.setdefault("type", item.text("type"))
    if item.text("code"):
        code = item.text("code", most=80)
        if code != before.get("code") and any(one.code == code for one in of(entity)):
            raise Invalid(fields={"code": [_("There is a field of this code already.")]})
        said["code"] = code
    if item.whole("sort") is not None:
        said["sort"] = item.whole("sort")
    if item.given("enums") and KIND_OF.get(said.get("type", "")) == Kind.OTHER:
        said["enums"] = item.body["enums"]
    if len(str(said)) > storing.LARGEST:
        raise Invalid(fields={"settings": [_("This is too large to be kept.")]})
    return said


def _options(item: Item, present: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The choices after it: those with an id are kept, those without are new, those left out are archived."""
    known, taken, given = {option["id"]: option for option in present}, set(), []
    number = max(known, default=0)
    for one in item.each("enums"):
        pk = one.whole("id")
        if pk not in known:
            number += 1
            pk = number
        taken.add(pk)
        before = known.get(pk, {"id": pk, "hue": (pk or 0) % 8 + 1})
        sort = one.whole("sort")
        row = {**before, "label": one.text("value", most=120) or before.get("label", ""), **({"sort": sort} if sort is not None else {}), **({"code": one.text("code", most=80)} if one.text("code") else {})}
        row.pop("archived", None)
        given.append(row)
    ordered = sorted(given, key=lambda row: row.get("sort", 0))
    return [*ordered, *({**option, "archived": True} for pk, option in known.items() if pk not in taken)]


def change_many(asked: Asked, entity: str, path: str) -> HttpResponse:
    """Change fields, all of them or none; each item names its id."""
    items = items_of(asked.items)
    told = []
    for item in items:
        try:
            told.append({**_changed(asked, entity, path, item.whole("id") or 0, item), "request_id": item.request_id})
        except NotFound:
            item.fault("id", "Entity not found.", code="EntityNotFound")
    settle(items)
    return answers.made(asked, "custom_fields", told, status=201)


def change(asked: Asked, entity: str, path: str, pk: int) -> HttpResponse:
    """Change one field: its name, its choices (those without a name in the list are archived), what is said of it."""
    item = Item(asked.item)
    told = _changed(asked, entity, path, pk, item)
    settle([item])
    return answers.told(told, status=201)


def _changed(asked: Asked, entity: str, path: str, pk: int, item: Item) -> dict[str, Any]:
    _own_field(entity, pk)
    row = CustomField.objects.get(pk=pk)
    with item.refused_here():
        name = item.text("name", most=120) or row.name
        required = row.required if item.flag("is_required") is None else bool(item.flag("is_required"))
        custom.change_field(asked.actor, pk, name=name, hint=row.hint, required=required)
        options = _options(item, row.options) if item.body.get("enums") is not None and row.kind in (Kind.LIST, Kind.MULTI) else None
        custom.describe_field(asked.actor, pk, wire=_said(Item({**item.body, "type": type_of(row)}, at=item.at), row.wire, entity), options=options)
    return draw(asked, _known(entity, pk), entity, path)


def delete(asked: Asked, entity: str, path: str, pk: int) -> HttpResponse:
    """Take a field out of use; its values stay and come back with it."""
    _own_field(entity, pk)
    custom.archive_field(asked.actor, pk)
    return answers.nothing()


def groups(asked: Asked, entity: str, path: str) -> HttpResponse:
    """The groups of fields: the two that are always there, and the firm's own."""
    return answers.all_of(asked, "custom_field_groups", [*_fixed(asked, entity, path), *(_group(asked, entity, path, row) for row in _own(asked, entity))])


def _code_of(entity: str, pk: int) -> str:
    """By what programs name a group of the firm's own."""
    return f"{names.PLURALS.get(entity, entity)}_{pk}"


def _own(asked: Asked, entity: str) -> list[Stored]:
    return [row for row in storing.rows(asked.actor, _GROUP) if row.body.get("entity") == entity]


def _fixed(asked: Asked, entity: str, path: str) -> list[dict[str, Any]]:
    main = [one.id for one in of(entity) if one.row is None or not one.row.wire.get("group_id") or one.row.wire.get("group_id") == "default"]
    fixed = [("default", _("Main"), main), ("statistic", _("Statistics"), [])]
    return [_group_row(asked, entity, path, code, name, sort=at, fields=fields, predefined=True) for at, (code, name, fields) in enumerate(fixed)]


def _group(asked: Asked, entity: str, path: str, row: Stored) -> dict[str, Any]:
    code = _code_of(entity, row.pk)
    fields = [one.id for one in of(entity) if one.row and str(one.row.wire.get("group_id")) == code]
    return _group_row(asked, entity, path, code, row.body.get("name", ""), sort=row.body.get("sort", 0), fields=fields, predefined=False)


def _group_row(asked: Asked, entity: str, path: str, code: str, name: str, *, sort: int, fields: list[int], predefined: bool) -> dict[str, Any]:
    return {
        "id": code, "name": name, "sort": sort, "is_predefined": predefined, "entity_type": names.PLURALS.get(entity, path.split("/")[0]), "type": "custom_field_group",
        "fields": fields, "_links": answers.href(asked, f"{path}/groups/{code}"),
    }  # fmt: skip


def _own_group(asked: Asked, entity: str, code: str) -> Stored:
    found = next((row for row in _own(asked, entity) if _code_of(entity, row.pk) == code), None)
    if found is None:
        raise NotFound
    return found


def show_group(asked: Asked, entity: str, path: str, code: str) -> HttpResponse:
    """One group."""
    fixed = next((row for row in _fixed(asked, entity, path) if row["id"] == code), None)
    return answers.told(fixed or _group(asked, entity, path, _own_group(asked, entity, code)))


def make_groups(asked: Asked, entity: str, path: str) -> HttpResponse:
    """Add groups; `fields` names those that go into it."""
    items = items_of(asked.items)
    for item in items:
        if not item.text("name", most=120):
            item.fault("name", "This value should not be blank.", code="IsBlank")
    settle(items)
    made = storing.add(asked.actor, _GROUP, [{"body": {"entity": entity, "name": item.text("name", most=120), "sort": item.whole("sort") or 0}} for item in items])
    for item, row in zip(items, made, strict=True):
        _fill(asked, entity, _code_of(entity, row.pk), item)
    settle(items)
    return answers.made(asked, "custom_field_groups", [{**_group(asked, entity, path, row), "request_id": item.request_id} for item, row in zip(items, made, strict=True)], status=201)


def _fill(asked: Asked, entity: str, code: str, item: Item) -> None:
    known = {one.id: one.row for one in of(entity) if one.row}
    for pk in item.listed("fields"):
        row = known.get(pk) if isinstance(pk, int) else None
        if row is not None:
            custom.describe_field(asked.actor, row.pk, wire={**row.wire, "group_id": code})


def change_group(asked: Asked, entity: str, path: str, code: str) -> HttpResponse:
    """Rename a group, give it another place or other fields."""
    item = Item(asked.item)
    row = storing.get(asked.actor, _GROUP, _own_group(asked, entity, code).pk, lock=True)
    body = {name: value for name, value in (("name", item.text("name", most=120)), ("sort", item.whole("sort"))) if value}
    _fill(asked, entity, code, item)
    settle([item])
    return answers.told(_group(asked, entity, path, storing.change(asked.actor, row, body=body)))


def delete_group(asked: Asked, entity: str, path: str, code: str) -> HttpResponse:
    """Delete a group; its fields stand in the main one."""
    group = _own_group(asked, entity, code)
    for one in of(entity):
        if one.row and one.row.wire.get("group_id") == code:
            custom.describe_field(asked.actor, one.row.pk, wire={**one.row.wire, "group_id": None})
    storing.remove(asked.actor, _GROUP, [group.pk])
    return answers.nothing()
