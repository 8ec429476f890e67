"""Who is whom here, and what becomes of pipelines and fields: what is suggested, and what a person may choose instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crm_core.doors.amocrm import names
from crm_core.doors.amocrm.fields import known
from crm_core.doors.amocrm.fields.known import Known
from crm_core.groundwork.records.ordering import fold
from crm_core.sales.pipelines import queries as pipelines
from crm_core.sales.pipelines.models import Stage, StageKind
from crm_platform.accounts import directory
from crm_platform.accounts.models import User

# Instead of one of ours: the person who moves, a thing to be made, nothing.
ME, NEW, SKIP = "me", "new", "skip"
# The type of the status in which incoming leads wait, which is no stage, and the numbers of those that close a deal.
WAITING = 1
CLOSING = {names.WON: StageKind.WON, names.LOST: StageKind.LOST}
# Our kind of record by the account's collection.
ENTITIES = {"companies": "company", "contacts": "contact", "leads": "deal", "products": "product"}
Choices = dict[str, Any]


def suggest(inventory: Mapping[str, Any]) -> Choices:
    """People by e-mail, else by name, else the mover; pipelines and stages by name, else made; fields by code, else by name and type, else made."""
    lines = {str(row["id"]): _pipeline(row) for row in inventory["pipelines"]}
    return {
        "users": {str(row["id"]): _person(row) for row in inventory["users"]},
        "pipelines": lines, "stages": _stages(inventory, lines),
        "fields": {plural: {str(row["id"]): field_for(plural, row) for row in rows} for plural, rows in inventory["fields"].items()},
    }


def people() -> list[User]:
    """Who may be chosen for one over there."""
    return [one for one in directory.everyone().values() if not directory.gone(one)]


def _person(row: Mapping[str, Any]) -> str:
    same = next((one for one in people() if row["email"] and one.email and one.email.casefold() == str(row["email"]).casefold()), None)
    same = same or next((one for one in people() if fold(one.name) == fold(str(row["name"]))), None)
    return str(same.pk) if same else ME


def _pipeline(row: Mapping[str, Any]) -> str:
    same = next((one for one in pipelines.active() if fold(one.name) == fold(str(row["name"]))), None)
    return str(same.pk) if same else NEW


def statuses_of(row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The statuses of a pipeline over there that are open stages: without won and lost, and without that in which incoming leads wait."""
    return [one for one in row["statuses"] if one["type"] != WAITING and one["id"] not in CLOSING]


def stage_key(row: Mapping[str, Any], status: Mapping[str, Any]) -> str:
    """By what the choices know a status: one of a pipeline."""
    return f"{row['id']}:{status['id']}"


def _stages(inventory: Mapping[str, Any], lines: Mapping[str, str]) -> dict[str, str]:
    """Of the pipelines that go into one of ours: the stage of the same name, else a new one."""
    found: dict[str, str] = {}
    for row in inventory["pipelines"]:
        ours = lines[str(row["id"])]
        by_name = {fold(stage.name): str(stage.pk) for stage in reversed(pipelines.everything().open_of(int(ours)))} if ours != NEW else {}
        found |= {stage_key(row, one): by_name.get(fold(str(one["name"])), NEW) for one in statuses_of(row) if ours != NEW}
    return found


def stages_for(key: str, lines: Mapping[str, str]) -> list[Stage]:
    """Our open stages into which a status may go: those of the pipeline that was chosen for its own."""
    ours = lines.get(key.partition(":")[0], NEW)
    return [] if ours == NEW else list(pipelines.everything().open_of(int(ours)))


def field_for(plural: str, row: Mapping[str, Any]) -> str:
    """What is suggested for a field: one of ours, a new one, or nothing where we have no such type."""
    fits = fields_for(plural, row)
    same = next((one for one in fits if row["code"] and one.code == row["code"]), None)
    same = same or next((one for one in fits if fold(one.name) == fold(str(row["name"])) and (one.row is not None or not row["code"])), None)
    return str(same.id) if same else NEW if row["type"] in known.KIND_OF else SKIP


def fields_for(plural: str, row: Mapping[str, Any]) -> list[Known]:
    """Those of our fields that can hold what a field over there holds: of the same kind, and the product's own of the same type."""
    kind = known.KIND_OF.get(row["type"])
    return [one for one in known.of(ENTITIES[plural]) if (one.row.kind == kind if one.row else one.type == row["type"])]


def checked(inventory: Mapping[str, Any], given: Mapping[str, Any]) -> Choices:
    """What a person chose, as far as it makes sense; what was not asked about, or makes none, stands as suggested."""
    found = suggest(inventory)
    here = {ME, NEW, *(str(one.pk) for one in people())}
    lines = {NEW, *(str(one.pk) for one in pipelines.active())}
    _take(found["users"], given.get("users", {}), lambda _key: here)
    _take(found["pipelines"], given.get("pipelines", {}), lambda _key: lines)
    found["stages"] = _stages(inventory, found["pipelines"])
    _take(found["stages"], given.get("stages", {}), lambda key: {NEW, *(str(one.pk) for one in stages_for(key, found["pipelines"]))})
    for plural, rows in inventory["fields"].items():
        by_id = {str(row["id"]): row for row in rows}
        _take(found["fields"][plural], given.get("fields", {}).get(plural, {}), lambda key, plural=plural, by_id=by_id: {NEW, SKIP, *(str(one.id) for one in fields_for(plural, by_id[key]))})
    return found


def again(inventory: Mapping[str, Any], earlier: Mapping[str, Any]) -> Choices:
    """What was chosen before, for a second look; what was to be made then is here by now, so it is looked for anew."""
    fields = {plural: _made_since(chosen) for plural, chosen in earlier.get("fields", {}).items()}
    lines, stages = (_made_since(earlier.get(name, {})) for name in ("pipelines", "stages"))
    return checked(inventory, {"users": earlier.get("users", {}), "pipelines": lines, "stages": stages, "fields": fields})


def _made_since(chosen: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in chosen.items() if value != NEW}


def _take(found: dict[str, str], given: Mapping[str, Any], allowed: Any) -> None:
    for key, value in given.items():
        if key in found and value in allowed(key):
            found[key] = str(value)
