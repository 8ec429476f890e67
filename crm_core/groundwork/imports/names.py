"""Cells that name something kept here (a product, a firm, a person, a stage): which are here already, and which spellings look like one.

How names are compared belongs to the slice that owns them: it registers, beside its targets, the very key by which its import finds them again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from crm_platform.kernel.errors import Invalid

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    from .models import ImportRun

    Words = str | _StrPromise

SAME, ANOTHER = "same", "another"


@dataclass(frozen=True, slots=True)
class Found:
    """What the names of a column come to: how many there are, how many of them are here; `adds`: whether the import may add the others."""

    names: int
    known: int
    adds: bool

    @property
    def new(self) -> int:
        """Those not here yet."""
        return self.names - self.known


@dataclass(frozen=True, slots=True)
class Alike:
    """A spelling that looks like another: in how many rows each stands, whether the other is here, and what was chosen."""

    spelling: str
    main: str
    rows: int
    main_rows: int
    here: bool
    choice: str


@dataclass(frozen=True, slots=True)
class Asked:
    """The words of a question about two spellings: what is so, and what becomes of each answer."""

    told: Callable[[Alike], str]
    same: Callable[[Alike], str]
    another: Words
    added: Callable[[Alike], str]


@dataclass(frozen=True, slots=True)
class Names:
    """A target whose cells name something: `key` makes spellings one, `here` gives the names that are here by key (the one taken first), among these targets mapped.

    `settings`: what is not here is the firm's to set, added where the person chose so. `asked`: two spellings may be kept apart.
    """

    key: Callable[[str], str]
    here: Callable[[Sequence[str], Collection[str]], Mapping[str, Sequence[str]]]
    told: Callable[[Found], str]
    split: Callable[[str], Sequence[str]] = lambda text: (text,)
    adds: Callable[[Any, Mapping[str, Any]], bool] = lambda actor, choices: True
    asked: Asked | None = None


def counted(column: Mapping[str, Any], names: Names) -> dict[str, int]:
    """Each name of a column with the number of its rows, in the order of the file."""
    rows: dict[str, int] = {}
    for text, count in column.get("values", ()):
        for name in dict.fromkeys(names.split(text)):
            rows[name] = rows.get(name, 0) + count
    return rows


def alike(rows: Mapping[str, int], names: Names, here: Mapping[str, Sequence[str]], chosen: Mapping[str, str]) -> list[Alike]:
    """The spellings that the run takes for another one: for what is here, else for the one that comes first in the file."""
    mains: dict[str, str] = {}
    found = []
    for name, count in rows.items():
        key = names.key(name)
        present = here.get(key, ())
        main = mains.setdefault(key, present[0] if present else name)
        if name != main and name not in present:
            found.append(Alike(name, main, count, rows.get(main, 0), bool(present), chosen.get(name, SAME)))
    return sorted(found, key=lambda one: -one.rows)


def apart(choices: Mapping[str, Any], target: str) -> frozenset[str]:
    """The spellings of a target that the person wants kept apart; none for an import that was never asked."""
    return frozenset(name for name, choice in choices.get("spellings", {}).get(target, {}).items() if choice == ANOTHER)


def check(run: ImportRun, known: Mapping[str, Names], mapping: Mapping[str, str], spellings: Any) -> dict[str, dict[str, str]]:
    """The person's choices about spellings, of the columns that are still mapped so; raises Invalid for one that is none, or about what the file does not say."""
    kept: dict[str, dict[str, str]] = {}
    for target, choices in (spellings or {}).items():
        names = known.get(target)
        if names is None or names.asked is None:
            raise Invalid(fields={"spellings": [_("Spellings of this column cannot be told apart: “%(name)s”.") % {"name": target[:60]}]})
        columns = [column for column in run.reading["columns"] if mapping.get(column["name"]) == target]
        in_file = {name for column in columns for name in counted(column, names)}
        for name, choice in choices.items() if columns else ():
            if choice not in (SAME, ANOTHER):
                raise Invalid(fields={"spellings": [_("“%(name)s” can be the same or another one, not “%(choice)s”.") % {"name": name[:60], "choice": str(choice)[:60]}]})
            if name not in in_file:
                raise Invalid(fields={"spellings": [_("The file has no “%(name)s”.") % {"name": name[:60]}]})
            kept.setdefault(target, {})[name] = choice
    return kept
