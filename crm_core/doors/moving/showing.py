"""What the pages show of a move: the inventory against the plan, the choices, how far it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Count
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm_core.groundwork.records import registry
from crm_core.groundwork.records.ordering import fold
from crm_core.sales.pipelines import queries as pipelines
from crm_platform.kernel import gates

from . import mapping, staying, steps
from .mapping import ME, NEW, SKIP
from .models import Move, Moved, Stage

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

PARTS: dict[str, str | _StrPromise] = {
    "products": gettext_lazy("Products"), "companies": gettext_lazy("Companies"), "contacts": gettext_lazy("Contacts"), "leads": gettext_lazy("Deals"),
    "files": gettext_lazy("Files"), "notes": gettext_lazy("Notes"), "tasks": gettext_lazy("Tasks"), "history": gettext_lazy("Changes of stage"),
    "field": gettext_lazy("Field"), "pick": gettext_lazy("Deals"), "pick_contacts": gettext_lazy("Contacts"), **staying.LABELS,
}  # fmt: skip
_COLLECTIONS = {"leads": gettext_lazy("Deals"), "contacts": gettext_lazy("Contacts"), "companies": gettext_lazy("Companies"), "products": gettext_lazy("Products")}
# Work that is gone through by time, not by number: no share can be told.
_UNCOUNTED = ("history",)


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a move: how many there are, how many came, and whether it is at work now or behind us."""

    label: str
    there: int | None
    came: int
    state: str


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit of the plan against what wants in."""

    label: str
    wanted: int
    room: int

    @property
    def over(self) -> int:
        """How many there is no room for."""
        return max(0, self.wanted - self.room)


@dataclass(frozen=True, slots=True)
class Choice:
    """One select of the form: its name, what stands over there, and the options (value, label, chosen)."""

    name: str
    label: str
    note: str
    options: list[tuple[str, str, bool]]


def parts(move: Move) -> list[Part]:
    """How far each part is."""
    counts, names = move.inventory.get("counts", {}), list(steps.SHOWN)
    step = str(move.cursor.get("step") or "")
    running = move.stage in (Stage.TRYING, Stage.MOVING, Stage.PAUSED) and step in names
    at = names.index(step) if running else len(names) if move.stage in (Stage.DONE, Stage.TRIED) else -1
    trial = bool(move.cursor.get("picked"))
    return [
        Part(str(PARTS[name]), None if trial or name in _UNCOUNTED else counts.get(name, 0), move.totals.get(name, 0), "done" if place < at else "now" if place == at else "")
        for place, name in enumerate(names)
    ]  # fmt: skip


def there(move: Move) -> list[tuple[str, int]]:
    """What there is over there, by part."""
    counts = move.inventory["counts"]
    return [(str(PARTS[name]), counts[name]) for name in steps.SHOWN if counts.get(name)]


def binned(move: Move) -> list[tuple[str, int]]:
    """What an undo has put into the bin, by kind."""
    found = move.totals.get("undo", {}).get("binned", {})
    return [(str(registry.find(entity).plural), count) for entity, count in found.items() if count]


def percent(move: Move) -> int:
    """About how much of it is done: by what was counted."""
    counted = [part for part in parts(move) if part.there]
    whole = sum(part.there or 0 for part in counted)
    return min(99, sum(min(part.came, part.there or 0) for part in counted) * 100 // whole) if whole else 0


def limits(move: Move) -> list[Limit]:
    """Where the plan has less room than is wanted by what is not here yet."""
    here = dict(Moved.objects.filter(origin=move.host).values_list("kind").annotate(n=Count("pk")).order_by())
    counts, found = {name: max(0, number - here.get(name, 0)) for name, number in move.inventory["counts"].items()}, []
    fresh = sum(1 for choice in move.choices["pipelines"].values() if choice == NEW)
    wanted = [("contacts", _("Contacts and companies"), counts["contacts"] + counts["companies"]), ("deals_open", _("Open deals"), min(counts["open"], counts["leads"])), ("pipelines", _("Pipelines"), fresh)]
    for plural, entity in mapping.ENTITIES.items():
        made = sum(1 for choice in move.choices["fields"].get(plural, {}).values() if choice == NEW)
        wanted.append((f"fields.{entity}", _("Fields of {what}").format(what=_COLLECTIONS[plural]), made))
    for metric, label, number in wanted:
        room = gates.usage(metric).room
        if room is not None and number > room:
            found.append(Limit(label, number, room))
    return found


def stays(move: Move) -> list[tuple[str, int]]:
    """What was counted and is not moved."""
    return [(str(staying.LABELS[kind]), number) for kind, number in staying.counted(move)]


def people(move: Move) -> list[Choice]:
    """Who is whom."""
    here = [(str(one.pk), one.name) for one in mapping.people()]
    options = [(ME, _("The person who moves")), (NEW, _("A new person without access")), *here]
    return [_choice(f"user-{row['id']}", str(row["name"]), str(row["email"]), options, move.choices["users"].get(str(row["id"]), ME)) for row in move.inventory["users"]]


def lines(move: Move) -> list[Choice]:
    """Pipelines with their stages."""
    options = [(NEW, _("A new pipeline of this name")), *((str(one.pk), one.name) for one in pipelines.active())]
    return [
        _choice(f"pipeline-{row['id']}", str(row["name"]), ", ".join(str(one["name"]) for one in row["statuses"] if one["type"] != 1), options, move.choices["pipelines"].get(str(row["id"]), NEW))
        for row in move.inventory["pipelines"]
    ]  # fmt: skip


def stages(move: Move) -> list[Choice]:
    """Where the stages go that have no namesake in the pipeline they go into."""
    lines, chosen = move.choices["pipelines"], move.choices.get("stages", {})
    found = []
    for row in move.inventory["pipelines"]:
        for status in mapping.statuses_of(row):
            key = mapping.stage_key(row, status)
            ours = mapping.stages_for(key, lines)
            if ours and fold(str(status["name"])) not in {fold(stage.name) for stage in ours}:
                options = [(NEW, _("A new stage of this name")), *((str(stage.pk), stage.name) for stage in ours)]
                found.append(_choice(f"stage-{key}", str(status["name"]), str(row["name"]), options, chosen.get(key, NEW)))
    return found


def fields(move: Move) -> list[tuple[str, list[Choice]]]:
    """Fields by what they are of."""
    return [(str(_COLLECTIONS[plural]), [_field(move, plural, row) for row in rows]) for plural in _COLLECTIONS if (rows := move.inventory["fields"].get(plural))]


def _field(move: Move, plural: str, row: dict[str, Any]) -> Choice:
    suggested = mapping.field_for(plural, row)
    fresh = [(NEW, _("A new field of this name"))] if suggested != SKIP else []
    options = [(SKIP, _("Leave out")), *fresh, *((str(one.id), one.name) for one in mapping.fields_for(plural, row))]
    return _choice(f"field-{plural}-{row['id']}", str(row["name"]), f"{_COLLECTIONS[plural]}, {row['type']}", options, move.choices["fields"].get(plural, {}).get(str(row["id"]), suggested))


def _choice(name: str, label: str, note: str, options: list[tuple[str, str]], chosen: str) -> Choice:
    return Choice(name, label, note, [(value, text, value == chosen) for value, text in options])


def chosen_in(given: Any, move: Move) -> dict[str, Any]:
    """What a form says, in the shape of choices."""
    found: dict[str, Any] = {
        "users": {str(row["id"]): given.get(f"user-{row['id']}") for row in move.inventory["users"]},
        "pipelines": {str(row["id"]): given.get(f"pipeline-{row['id']}") for row in move.inventory["pipelines"]},
        "stages": {key: given.get(f"stage-{key}") for row in move.inventory["pipelines"] for key in (mapping.stage_key(row, one) for one in mapping.statuses_of(row))},
    }  # fmt: skip
    return {**found, "fields": {plural: {str(row["id"]): given.get(f"field-{plural}-{row['id']}") for row in rows} for plural, rows in move.inventory["fields"].items()}}
