"""How spreadsheets call what becomes of a deal, and what an import says of its deals and stages."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from django.utils.translation import ngettext

from crm_core.groundwork.imports.kinds import may_add
from crm_core.groundwork.imports.names import Found, Names
from crm_core.groundwork.records.ordering import fold
from crm_core.sales.pipelines import queries as pipelines
from crm_platform.ui.markup import figure

# How others call the two closed states.
OPEN = frozenset(fold(word) for word in ("open", "in progress", "открыта", "открыто", "в работе", "ouvert", "ouverte", "en cours", "lopend", "ochiq"))
WON = frozenset(fold(word) for word in ("won", "closed won", "success", "успешно", "успешно реализовано", "выиграна", "продано", "gagné", "gagnée", "gewonnen", "yutildi", "sotildi"))
OTHER = frozenset(fold(word) for word in ("other", "другое", "autre", "anders", "overig", "boshqa"))
LOST = frozenset(fold(word) for word in ("lost", "closed lost", "failed", "закрыто и не реализовано", "проиграна", "отказ", "perdu", "perdue", "verloren", "yutqazildi"))


def alike(count: int) -> str:
    """How many deals of a file are here already."""
    return ngettext("%(n)s deal looks the same", "%(n)s deals look the same", count) % {"n": figure(count)}


def _stages_here(names: Sequence[str], mapped: Collection[str]) -> dict[str, list[str]]:
    """The stages that rows may mean: of the first pipeline, of any where a column names pipelines; won and lost in others' words too."""
    board = pipelines.everything()
    stages = list(board.stages.values()) if "pipeline" in mapped else board.of(pipelines.first().pk)
    return {word: [word] for word in WON | LOST} | {fold(stage.name): [stage.name] for stage in stages}


def _told(found: Found) -> str:
    figures = {"n": figure(found.names), "known": figure(found.known), "new": figure(found.new)}
    if not found.new:
        return ngettext("%(n)s value, known here", "%(n)s values, all %(n)s known here", found.names) % figures
    if found.adds:
        return ngettext("%(n)s value: %(known)s known here, %(new)s is added", "%(n)s values: %(known)s known here, %(new)s are added", found.names) % figures
    return ngettext("%(n)s value: %(known)s known here; rows with the other are errors", "%(n)s values: %(known)s known here; rows with the other %(new)s are errors", found.names) % figures


STAGES = Names(fold, _stages_here, _told, adds=lambda actor, choices: may_add(actor) and bool(choices.get("add_missing")))
