"""What we saw in each column, in sentences on real counts: how many values, how many of them known here, what is empty, and what the person has to decide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm_platform.kernel.permissions import Actor
from crm_platform.ui.markup import figure

from . import counting, kinds, mapping, names
from .kinds import Target
from .models import ImportRun
from .names import Alike, Found, Names

# Pairs of spellings shown open; the others stand folded below them.
OPEN = 3
MOST_PAIRS = 100
KEYS = ("external_id", "record_id")


@dataclass(slots=True)
class Question:
    """Two spellings, the field of the form, and what each answer means."""

    pair: Alike
    field: str
    told: str
    same: str
    another: str
    added: str


@dataclass(slots=True)
class Saw:
    """One column: its target, what it holds, and its questions, the first few and the rest."""

    column: Mapping[str, Any]
    target: Target | None
    lines: list[str] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)

    @property
    def first(self) -> list[Question]:
        """Those shown open."""
        return self.questions[:OPEN]

    @property
    def rest(self) -> list[Question]:
        """Those folded."""
        return self.questions[OPEN:]

    @property
    def dates(self) -> bool:
        """Whether its cells are read as dates."""
        return self.target is not None and self.target.plain_type in kinds.DATES

    @property
    def unsure(self) -> bool:
        """Whether day and month can be mixed up."""
        return self.dates and self.column["date"] is not None and not self.column["date"]["certain"]

    @property
    def doubt(self) -> bool:
        """Whether the person has to decide something."""
        return bool(self.questions) or self.unsure or (self.dates and self.column["date"] is None)


def columns(run: ImportRun, actor: Actor) -> list[Saw]:
    """All columns, in the order of the file; as many statements as targets that name something, whatever the file holds."""
    kind = kinds.find(run.kind)
    targets = {target.name: target for target in mapping.targets_of(kind)}
    return [_saw(run, actor, kind, column, targets.get(run.mapping.get(column["name"], ""))) for column in run.reading["columns"]]


def folded(saw: Sequence[Saw]) -> dict[str, dict[str, str]]:
    """Target → spelling → what the run takes it for, as chosen."""
    found: dict[str, dict[str, str]] = {}
    for one in saw:
        if one.target is not None:
            found.setdefault(one.target.name, {}).update({question.pair.spelling: question.pair.main for question in one.questions if question.pair.choice == names.SAME})
    return found


def _saw(run: ImportRun, actor: Actor, kind: kinds.ImportKind, column: Mapping[str, Any], target: Target | None) -> Saw:
    saw = Saw(column, target)
    if target is None:
        return saw
    known = kind.names.get(target.name)
    if known is not None and "values" in column:
        _name(saw, run, actor, target, known)
    elif not saw.dates and not target.figures:
        saw.lines.append(_values(run, column, key=target.name in KEYS))
    if column.get("empty"):
        saw.lines.append(ngettext("Empty in %(n)s row", "Empty in %(n)s rows", column["empty"]) % {"n": figure(column["empty"])})
    if run.reading.get("counted", run.rows_total) < run.rows_total:
        saw.lines.append(_("Counted in the first %(n)s rows") % {"n": figure(run.reading["counted"])})
    return saw


def _values(run: ImportRun, column: Mapping[str, Any], *, key: bool) -> str:
    distinct = column["distinct"]
    if distinct > counting.MOST_DISTINCT:
        return _("More than %(n)s different values") % {"n": figure(counting.MOST_DISTINCT)}
    filled = run.reading["counted"] - column["empty"] if "empty" in column else column["filled"]
    if key and distinct == filled:
        return ngettext("%(n)s value, good as a key", "%(n)s different values, good as a key", distinct) % {"n": figure(distinct)}
    if key:
        return _("Different values: %(n)s in %(rows)s rows; rows of one number are one record") % {"n": figure(distinct), "rows": figure(filled)}
    return ngettext("%(n)s value", "%(n)s different values", distinct) % {"n": figure(distinct)}


def _name(saw: Saw, run: ImportRun, actor: Actor, target: Target, known: Names) -> None:
    rows = names.counted(saw.column, known)
    here = known.here(list(rows), set(run.mapping.values()))
    keys = {known.key(name) for name in rows}
    if keys:
        saw.lines.append(known.told(Found(len(keys), sum(key in here for key in keys), known.adds(actor, run.choices))))
    if known.asked is not None:
        chosen = run.choices.get("spellings", {}).get(target.name, {})
        saw.questions = list(_questions(names.alike(rows, known, here, chosen)[:MOST_PAIRS], target, known.asked))


def _questions(pairs: list[Alike], target: Target, asked: names.Asked) -> Iterator[Question]:
    for pair in pairs:
        yield Question(pair, f"like:{target.name}:{pair.spelling}", asked.told(pair), asked.same(pair), str(asked.another), asked.added(pair))
