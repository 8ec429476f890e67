"""What can be imported: each slice registers its kind with the targets of columns and the verb that writes a batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

from crm_core.groundwork.records import writing
from crm_core.groundwork.records.registry import Kind
from crm_platform.accounts.roles import SETTINGS
from crm_platform.kernel.errors import NotFound
from crm_platform.kernel.permissions import Actor, may

from .names import Names, apart

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    from .models import ImportRun

    Words = str | _StrPromise


# The types whose cells hold one figure.
FIGURES = ("money", "number", "whole")
# Those in which day and month can be mixed up.
DATES = ("date", "moment")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a column may go: `type` says how its cells are read, `synonyms` how others call it, in five languages.

    Cells of the types "figures" and "sums" hold several, parted by semicolons; None where one is left out.
    """

    name: str
    label: Words
    type: str = "text"
    synonyms: str = ""

    @property
    def plain_type(self) -> str:
        """The type, the same for a custom field as for one of ours."""
        return self.type.removeprefix("custom-")

    @property
    def figures(self) -> bool:
        """Whether its cells are read in a notation of figures."""
        return self.plain_type in (*FIGURES, "figures", "sums")

    def names(self) -> tuple[str, ...]:
        """The synonyms apart."""
        return tuple(word.strip() for word in self.synonyms.split(",") if word.strip())


@dataclass(slots=True)
class Parsed:
    """One row: its number in the file (the head is 1), its cells, and what the targets read from them."""

    number: int
    cells: list[str]
    values: dict[str, Any]


def may_add(actor: Actor) -> bool:
    """Whether someone may add pipelines, stages, reasons, fields and choices."""
    return may(actor, SETTINGS.right("edit"))


@dataclass(slots=True)
class Batch:
    """One batch on its way in. `choices` are the person's; the counts are of the main kind, `entities` of all kinds."""

    run: ImportRun
    actor: Actor
    choices: dict[str, Any]
    created: int = 0
    updated: int = 0
    skipped: int = 0
    errors: list[tuple[Parsed, str]] = field(default_factory=list)
    waiting: list[Parsed] = field(default_factory=list)
    entities: dict[str, int] = field(default_factory=dict)
    folded: dict[tuple[str, str], int] = field(default_factory=dict)
    added: dict[str, list[str]] = field(default_factory=dict)

    def count(self, entity: str, number: int = 1) -> None:
        """Note that records of an entity were created."""
        self.entities[entity] = self.entities.get(entity, 0) + number

    def takes(self, kind: Kind, record: Any, row: Parsed) -> bool:
        """Whether a row changes the record it met: the person chose so and may edit it. A record that is not the person's to edit makes the row an error."""
        if self.choices["duplicates"] != "update":
            self.skipped += 1
            return False
        if not writing.may(self.actor, kind.entity.EDIT, record):
            self.errors.append((row, str(_("“{name}” is here already and not yours to change.")).format(name=record)))
            return False
        return True

    def met(self, *, changed: bool) -> None:
        """Count a row that met a record."""
        if changed:
            self.updated += 1
        else:
            self.skipped += 1

    @property
    def may_add(self) -> bool:
        """Whether the person may add to the firm's settings: the right that their page asks, an import gives no other."""
        return may_add(self.actor)

    def apart(self, target: str) -> frozenset[str]:
        """The spellings of a target that are names of their own, however much they look like another."""
        return apart(self.choices, target)

    def note_added(self, what: str, name: str) -> None:
        """Note a pipeline, stage, tag or list value that was not there yet."""
        present = self.added.setdefault(what, [])
        if name not in present:
            present.append(name)


@dataclass(frozen=True, slots=True)
class ImportKind:
    """`write(batch, rows)` writes the rows and fills the batch; a refusal of one row (Invalid) may fall out of it.

    `known(rows)` gives for each row the record it means, or None: the rule that `write` itself goes by, and `alike` says how many there are.
    `prefix`: a pattern of what other systems put before the heads of this kind. `names`: the targets whose cells name something.
    """

    code: str
    kind: Kind
    targets: Sequence[Target]
    write: Callable[[Batch, list[Parsed]], None]
    needs: Sequence[str]
    own_entity: str
    known: Callable[[list[Parsed]], Sequence[Any]]
    alike: Callable[[int], str]
    prefix: str = ""
    names: Mapping[str, Names] = field(default_factory=dict)


_kinds: dict[str, ImportKind] = {}


def register(kind: ImportKind) -> ImportKind:
    """Add a kind of import."""
    _kinds[kind.code] = kind
    return kind


def all_kinds() -> list[ImportKind]:
    """All, in the order of registration."""
    return list(_kinds.values())


def find(code: str) -> ImportKind:
    """The kind of that code; raises NotFound."""
    if code not in _kinds:
        raise NotFound
    return _kinds[code]
