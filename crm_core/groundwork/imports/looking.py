"""Before the run, in the background: how many rows mean a record that is here already, and which cannot be read. By the very rules of the run; nothing is written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from crm_platform.db import sides
from crm_platform.kernel import jobs, workspace
from crm_platform.kernel.errors import CrmError, Invalid
from crm_platform.kernel.jobs import Again, Lease

from . import kinds, mapping, running, services
from .kinds import Parsed
from .languages import importers_language
from .models import ImportRun, Stage
from .parsing import BadCell, Parser
from .reading import Reading

# Rows looked at of one file; the page says so where there are more.
MOST = 50_000
REASONS = 5
BEFORE = (Stage.UPLOADED, Stage.MAPPED)


@dataclass(slots=True)
class Look:
    """How far a look has come: the records met, the rows that cannot be read, and why the first of them."""

    of: str
    row: int = 0
    rows: int = 0
    here: set[int] = field(default_factory=set)
    unreadable: int = 0
    reasons: list[tuple[int, str]] = field(default_factory=list)

    def wrong(self, row: int, reason: str) -> None:
        """Note a row that cannot be read."""
        self.unreadable += 1
        if len(self.reasons) < REASONS:
            self.reasons.append((row, reason[:300]))

    def as_checkpoint(self) -> dict[str, Any]:
        """For the next slice."""
        return {"of": self.of, "row": self.row, "rows": self.rows, "here": sorted(self.here), "unreadable": self.unreadable, "reasons": self.reasons}


def told_by(run: ImportRun) -> str:
    """What decides how rows are read, in short: with another of it, what was seen is out of date."""
    said = [run.kind, run.mapping, run.choices.get("notations", {}), run.choices.get("currency"), run.reading.get("encoding")]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


def result(run: ImportRun) -> dict[str, Any] | None:
    """What the look has found; None where it is not finished, or the person has decided otherwise since."""
    found: dict[str, Any] | None = run.totals.get("look")
    return found if found is not None and found["of"] == told_by(run) else None


@jobs.register("imports.look")
def look(pk: int, *, lease: Lease) -> Again | None:
    """Look through the file once; again where the person decides otherwise meanwhile."""
    with importers_language(pk):
        return _look(pk, lease)


def _look(pk: int, lease: Lease) -> Again | None:
    place = workspace.here()
    with sides.unit(place):
        run = ImportRun.objects.get(pk=pk)
        if run.stage not in BEFORE or result(run) is not None:
            return None
        parser, kind, file, of = running.parser_of(run), kinds.find(run.kind), services.file_of(run), told_by(run)
    kept = lease.checkpoint
    seen = Look(of, kept["row"], kept["rows"], set(kept["here"]), kept["unreadable"], [(row, reason) for row, reason in kept["reasons"]]) if kept.get("of") == of else Look(of)
    with ExitStack() as held:
        try:
            path = held.enter_context(file)
        except FileNotFoundError:
            return None
        lines = islice(mapping.lines_from(path, Reading.from_json(run.reading), after=seen.row), MOST - seen.rows)
        return _go_through(pk, lines, seen, parser, kind, lease)


def _go_through(pk: int, lines: Iterator[tuple[int, list[str]]], seen: Look, parser: Parser, kind: kinds.ImportKind, lease: Lease) -> Again | None:
    place = workspace.here()
    while chunk := list(islice(lines, running.BATCH)):
        with sides.unit(place):
            current = ImportRun.objects.get(pk=pk)
            if current.stage not in BEFORE:
                return None
            if told_by(current) != seen.of:
                return Again()
            rows, bad = running.parse(chunk, parser)
            for row, reason in bad:
                seen.wrong(row.number, reason)
            _meet(kind, rows, seen)
            seen.row, seen.rows = chunk[-1][0], seen.rows + len(chunk)
            lease.beat()
        if lease.should_yield():
            with sides.unit(place):
                lease.beat(seen.as_checkpoint())
            return Again()
    return _finish(pk, seen, lease)


def _meet(kind: kinds.ImportKind, rows: list[Parsed], seen: Look) -> None:
    """The records that rows mean; a row that none can be found for is one that the run refuses too."""
    if not rows:
        return
    try:
        found: Sequence[Any] = kind.known(rows)
    except (Invalid, BadCell) as refusal:
        if len(rows) == 1:
            seen.wrong(rows[0].number, refusal.message if isinstance(refusal, CrmError) else str(refusal))
            return
        middle = len(rows) // 2
        _meet(kind, rows[:middle], seen)
        _meet(kind, rows[middle:], seen)
        return
    seen.here.update(record.pk for record in found if record is not None)


def _finish(pk: int, seen: Look, lease: Lease) -> Again | None:
    with sides.unit(workspace.here()):
        run = ImportRun.objects.select_for_update().get(pk=pk)
        lease.beat()
        if run.stage not in BEFORE:
            return None
        if told_by(run) != seen.of:
            return Again()
        found = {"of": seen.of, "rows": seen.rows, "here": len(seen.here), "unreadable": seen.unreadable, "reasons": sorted(seen.reasons)}
        run.totals = {**run.totals, "look": found}
        run.save(update_fields=["totals"])
    return None
