"""Before the first record: people, pipelines, stages, reasons and fields are found here or made, and the answers are kept with the move."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from crm_core.doors.amocrm.fields import known
from crm_core.doors.amocrm.resources.pipelines import hue_of
from crm_core.groundwork.custom_fields import services as custom
from crm_core.groundwork.custom_fields.models import CustomField, Kind
from crm_core.groundwork.records.ordering import fold
from crm_core.sales.pipelines import queries as pipelines
from crm_core.sales.pipelines import services as pipeline_services
from crm_platform.accounts import services as accounts
from crm_platform.kernel.errors import Invalid, PlanRefusal
from crm_platform.kernel.permissions import Actor

from .mapping import CLOSING, ENTITIES, ME, NEW, SKIP, WAITING, stage_key, statuses_of
from .models import Left, Move, Moved


def prepare(actor: Actor, move: Move) -> None:
    """Find or make everything that records refer to; twice is once. Raises PlanRefusal for a pipeline too many: a field too many is left, and told."""
    chosen = move.choices
    lines = {row["id"]: _pipeline(actor, move, row, chosen["pipelines"].get(str(row["id"]), NEW)) for row in move.inventory["pipelines"]}
    stages: dict[str, int] = {}
    for row in move.inventory["pipelines"]:
        stages |= {f"{row['id']}:{status}": stage for status, stage in _stages(actor, row, lines[row["id"]], chosen.get("stages", {})).items()}
    move.choices = {
        **chosen,
        "here": {
            "users": {str(row["id"]): _person(actor, move, row, chosen["users"].get(str(row["id"]), ME)) for row in move.inventory["users"]},
            "pipelines": {str(pk): ours for pk, ours in lines.items()}, "stages": stages,
            "reasons": {str(row["id"]): _reason(actor, row["name"]) for row in move.inventory["reasons"]},
            "fields": {plural: _fields(actor, move, plural, rows) for plural, rows in move.inventory["fields"].items()},
        },
    }  # fmt: skip


def _person(actor: Actor, move: Move, row: Mapping[str, Any], to: str) -> int | None:
    if to == ME:
        return move.started_by_id
    if to != NEW:
        return int(to)
    made = Moved.objects.filter(origin=move.host, kind="user", foreign_id=str(row["id"])).values_list("our_id", flat=True).first()
    if made is None:
        made = accounts.add_without_access(actor, name=str(row["name"] or row["email"] or row["id"])[:120]).pk
        Moved.objects.create(origin=move.host, kind="user", foreign_id=str(row["id"]), our_id=made, move=move)
    return int(made)


def _pipeline(actor: Actor, move: Move, row: Mapping[str, Any], to: str) -> int:
    if to != NEW:
        return int(to)
    same = next((one for one in pipelines.active() if fold(one.name) == fold(str(row["name"]))), None)
    if same is not None:
        return int(same.pk)
    stages = [(_short(one["name"]), hue_of(one["color"])) for one in statuses_of(row)]
    return int(pipeline_services.add_pipeline(actor, name=_short(row["name"]), stages=stages).pk)


def _short(name: Any) -> str:
    return str(name).strip()[:120] or "–"


def _stages(actor: Actor, row: Mapping[str, Any], pipeline_id: int, chosen: Mapping[str, str]) -> dict[int, int]:
    """As chosen, else by name, else made; won and lost are the pipeline's own, what waits goes to the first."""
    board = pipelines.everything()
    present = board.open_of(pipeline_id)
    found = {status["id"]: present[0].pk for status in row["statuses"] if status["type"] == WAITING}
    by_name, by_id = {fold(stage.name): stage.pk for stage in reversed(present)}, {str(stage.pk): stage.pk for stage in present}
    for status in statuses_of(row):
        name, to = _short(status["name"]), by_id.get(chosen.get(stage_key(row, status), NEW))  # one that has gone since is looked for by its name
        if to is None and fold(name) not in by_name:
            by_name[fold(name)] = pipeline_services.add_stage(actor, pipeline_id, name=name, hue=hue_of(status["color"])).pk
        found[status["id"]] = by_name[fold(name)] if to is None else to
    return {**found, **{pk: board.closing(pipeline_id, kind).pk for pk, kind in CLOSING.items()}}  # some accounts tell only the open ones


def _reason(actor: Actor, name: str) -> int:
    same = next((one for one in pipelines.everything().reasons.values() if one.archived_at is None and fold(one.name) == fold(name)), None)
    return int((same or pipeline_services.add_reason(actor, name=_short(name))).pk)


def _fields(actor: Actor, move: Move, plural: str, rows: list[dict[str, Any]]) -> dict[str, int | None]:
    """Ours for each field over there; None for those that are left."""
    found: dict[str, int | None] = {}
    chosen = move.choices["fields"].get(plural, {})
    for row in sorted(rows, key=lambda row: row["type"] == "tracking_data"):  # the firm's own fields have their room first
        to = chosen.get(str(row["id"]), SKIP)
        reason = "" if to != SKIP else _("You chose not to move this field.") if row["type"] in known.KIND_OF else _("There is no field of this type here.")
        if to == SKIP:
            pk = None
        elif to == NEW:
            pk, reason = _made(actor, plural, row)
        else:
            pk = int(to)
            _add_choices(actor, plural, pk, row)
        if reason:
            Left.objects.create(move=move, kind="field", foreign_id=str(row["id"]), name=f"{plural}: {row['name']}"[:250], reason=reason)
        found[str(row["id"])] = pk
    return found


def _made(actor: Actor, plural: str, row: Mapping[str, Any]) -> tuple[int | None, str]:
    """A new field, or the one that an earlier try made: its code or name says so. None with the reason where the plan has no room."""
    entity, kind = ENTITIES[plural], known.KIND_OF[row["type"]]
    present = known.of(entity)
    name = _short(row["name"])
    for attempt in (name, *(f"{name[:110]} ({row['type']} {number})" for number in range(1, 10))):
        same = next((one for one in present if fold(one.name) == fold(attempt)), None)
        if same is None:
            break
        if same.row is not None and same.row.wire.get("moved") == row["id"]:
            _add_choices(actor, plural, same.id, row)
            return same.id, ""
    try:
        field = custom.add_field(actor, entity=entity, name=attempt, kind=str(kind), options=[str(one["value"]) for one in row["enums"]] if kind in (Kind.LIST, Kind.MULTI) else (), bare=True)
    except PlanRefusal as refusal:
        return None, refusal.message
    except Invalid as refusal:
        return None, refusal.message
    codes = {one.code for one in present}
    wire = {"type": row["type"], "moved": row["id"], **({"code": row["code"]} if row["code"] and row["code"] not in codes else {})}
    custom.describe_field(actor, field.pk, wire=wire)
    return int(field.pk), ""


def _add_choices(actor: Actor, plural: str, pk: int, row: Mapping[str, Any]) -> None:
    field: CustomField | None = next((one.row for one in known.of(ENTITIES[plural]) if one.id == pk), None)
    if field is None or field.kind not in (Kind.LIST, Kind.MULTI):
        return
    have = {str(option["label"]).casefold() for option in field.options if not option.get("archived")}
    for one in row["enums"]:
        label = str(one["value"]).strip()[:120]
        if label and label.casefold() not in have:
            have.add(label.casefold())
            custom.add_option(actor, pk, label)
