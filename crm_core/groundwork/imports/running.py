"""Running an import: batch by batch, each in one transaction with its checkpoint, so that a killed worker doubles nothing."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

from django.db import transaction

from crm_platform.accounts.actors import actor_of
from crm_platform.accounts.models import User
from crm_platform.db import sides
from crm_platform.events.backbone import emit
from crm_platform.kernel import clock, gates, jobs, units, workspace
from crm_platform.kernel.errors import CrmError, Invalid, PlanRefusal
from crm_platform.kernel.jobs import Again, Lease
from crm_platform.kernel.permissions import Actor, robot

from . import kinds, mapping, services
from .kinds import Batch, Parsed
from .languages import importers_language
from .models import ImportRow, ImportRun, Stage
from .parsing import BadCell, Parser
from .reading import Reading

BATCH = 500
MOST_ERRORS = 10_000


def actor_for(run: ImportRun) -> Actor:
    """Who imports, with the rights of now; the command line's robot where no person started it."""
    if run.started_by_id is None:
        return services.acting(run, robot("command line"))
    return services.acting(run, actor_of(User.objects.select_related("role", "group").get(pk=run.started_by_id)))


def parser_of(run: ImportRun) -> Parser:
    """How the run's rows are read."""
    return Parser(
        columns=run.reading["columns"], mapping=run.mapping, targets=mapping.targets_of(kinds.find(run.kind)),
        notations=run.choices.get("notations", {}), currency=run.choices.get("currency") or "EUR",
    )  # fmt: skip


def _fail(pk: int) -> None:
    """The last attempt has failed: what is in stays, and can be undone."""
    run = ImportRun.objects.select_for_update().get(pk=pk)
    run.stage, run.finished_at = Stage.FAILED, clock.now()
    run.save(update_fields=["stage", "finished_at"])


@jobs.register("imports.run", kind=jobs.Kind.LONG, failed=_fail)
def run_import(pk: int, *, lease: Lease) -> Again | None:
    """Bring in the file, from the checkpoint on."""
    with importers_language(pk):
        return _run(pk, lease)


def _run(pk: int, lease: Lease) -> Again | None:
    place = workspace.here()
    with sides.unit(place):
        run = ImportRun.objects.get(pk=pk)
        parser = parser_of(run)
    after = int(lease.checkpoint.get("row", 0))
    with services.file_of(run) as path:
        lines = mapping.lines_from(path, Reading.from_json(run.reading), after=after)
        while chunk := list(islice(lines, BATCH)):
            with sides.unit(place):
                if not _bring_in(pk, chunk, parser, lease=lease):
                    return None
            if lease.should_yield():
                return Again()
    with sides.unit(place):
        lease.beat()
        finish(ImportRun.objects.select_for_update().get(pk=pk), stage=Stage.DONE)
    return None


def _bring_in(pk: int, chunk: Sequence[tuple[int, list[str]]], parser: Parser, *, lease: Lease) -> bool:
    """One batch with its checkpoint; False where the person has cancelled."""
    run = ImportRun.objects.select_for_update().defer("reading").get(pk=pk)  # what was seen of the file is long, and read already
    if run.cancel_asked or run.stage != Stage.RUNNING:
        finish(run, stage=Stage.CANCELLED)
        return False
    rows, bad = parse(chunk, parser)
    batch = write_batch(run, actor_for(run), rows)
    batch.errors = [*bad, *batch.errors]
    keep(run, batch, rows_done=len(chunk))
    lease.beat({"row": chunk[-1][0]})
    return True


def parse(chunk: Sequence[tuple[int, list[str]]], parser: Parser) -> tuple[list[Parsed], list[tuple[Parsed, str]]]:
    """Rows as they can be read, and those that cannot, each with its reason."""
    rows, bad = [], []
    for number, cells in chunk:
        try:
            rows.append(parser.parse(number, cells))
        except BadCell as error:
            bad.append((Parsed(number, cells, {}), str(error)))
    return rows, bad


def write_batch(run: ImportRun, actor: Actor, rows: list[Parsed]) -> Batch:
    """Write rows: all at once; where one is refused, in halves down to that one; what the plan has no room for waits."""
    kind = kinds.find(run.kind)
    batch = Batch(run, actor, run.choices)
    _write(kind, batch, rows)
    return batch


def _write(kind: kinds.ImportKind, batch: Batch, rows: list[Parsed]) -> None:
    if not rows:
        return
    trial = Batch(batch.run, batch.actor, batch.choices)
    try:
        with savepoint():
            kind.write(trial, rows)
    except PlanRefusal as refusal:
        if len(rows) == 1:
            batch.waiting.append(rows[0])
            return
        _halve(kind, batch, rows, refusal)
        return
    except (Invalid, BadCell) as refusal:
        if len(rows) == 1:
            sentence = refusal.message if isinstance(refusal, CrmError) else str(refusal)
            batch.errors.append((rows[0], sentence))
            return
        _halve(kind, batch, rows, refusal)
        return
    _take(batch, trial)


def _halve(kind: kinds.ImportKind, batch: Batch, rows: list[Parsed], refusal: Exception) -> None:
    middle = len(rows) // 2
    _write(kind, batch, rows[:middle])
    if isinstance(refusal, PlanRefusal) and batch.waiting:
        batch.waiting.extend(rows[middle:])  # full: what comes after waits too, in the order of the file
        return
    _write(kind, batch, rows[middle:])


class savepoint:  # noqa: N801 (used as a statement)
    """A savepoint that also takes back what was collected for the limits."""

    def __enter__(self) -> None:
        self.held = gates.snapshot()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()

    def __exit__(self, *failure: Any) -> None:
        self.atomic.__exit__(*failure)
        if failure[0] is not None:
            gates.roll_back(self.held)
            units.forget_reads()


def _take(batch: Batch, part: Batch) -> None:
    batch.created += part.created
    batch.updated += part.updated
    batch.skipped += part.skipped
    batch.errors.extend(part.errors)
    batch.waiting.extend(part.waiting)
    for entity, number in part.entities.items():
        batch.count(entity, number)
    for pair, number in part.folded.items():
        batch.folded[pair] = batch.folded.get(pair, 0) + number
    for what, names in part.added.items():
        for name in names:
            batch.note_added(what, name)


def keep(run: ImportRun, batch: Batch, *, rows_done: int) -> None:
    """Add a batch's figures to the run and keep the rows that need a person."""
    totals = {"created": 0, "updated": 0, "skipped": 0, "waiting": 0, "errors": 0, "entities": {}, "folded": [], "added": {}, **run.totals}
    totals["created"] += batch.created
    totals["updated"] += batch.updated
    totals["skipped"] += batch.skipped
    totals["waiting"] += len(batch.waiting)
    totals["errors"] += len(batch.errors)
    for entity, number in batch.entities.items():
        totals["entities"][entity] = totals["entities"].get(entity, 0) + number
    folded = {(row["from"], row["to"]): row["rows"] for row in totals["folded"]}
    for pair, number in batch.folded.items():
        folded[pair] = folded.get(pair, 0) + number
    totals["folded"] = [{"from": pair[0], "to": pair[1], "rows": number} for pair, number in sorted(folded.items())][:500]
    for what, names in batch.added.items():
        totals["added"][what] = list(dict.fromkeys([*totals["added"].get(what, []), *names]))[:200]
    rows = [ImportRow(run=run, number=row.number, state="error", reason=reason[:1000], values=_kept(row.cells)) for row, reason in batch.errors]
    rows += [ImportRow(run=run, number=row.number, state="waiting", values=row.cells) for row in batch.waiting]
    ImportRow.objects.bulk_create(rows)
    run.totals, run.rows_done = totals, run.rows_done + rows_done
    run.save(update_fields=["totals", "rows_done"])


def _kept(cells: list[str]) -> list[str]:
    return [cell[:5000] for cell in cells]


def finish(run: ImportRun, *, stage: str) -> None:
    """Close the run; the file itself goes, its rows are records now."""
    run.stage, run.finished_at = stage, clock.now()
    run.save(update_fields=["stage", "finished_at"])
    services.drop_file(run)
    figures = {name: run.totals.get(name, 0) for name in ("created", "updated", "skipped", "waiting", "errors")}
    emit(actor_for(run), f"import.{stage}", entity="import", record_id=run.pk, after=figures, also=["workspace:1"])


@jobs.register("imports.waiting", kind=jobs.Kind.LONG, failed=_fail)
def run_waiting(pk: int, *, lease: Lease) -> Again | None:
    """Bring in the rows that waited; what still has no room goes on waiting."""
    with importers_language(pk):
        return _run_waiting(pk, lease)


def _run_waiting(pk: int, lease: Lease) -> Again | None:
    place = workspace.here()
    after = int(lease.checkpoint.get("row", 0))
    while True:
        with sides.unit(place):
            run = ImportRun.objects.select_for_update().get(pk=pk)
            waiting = list(ImportRow.objects.filter(run=run, state="waiting", number__gt=after).order_by("number")[:BATCH])
            if not waiting or run.cancel_asked:
                run.stage = Stage.DONE
                run.save(update_fields=["stage"])
                lease.beat()
                return None
            after = waiting[-1].number
            _again(run, waiting)
            lease.beat({"row": after})
        if lease.should_yield():
            return Again()


def _again(run: ImportRun, waiting: list[ImportRow]) -> None:
    rows, bad = parse([(row.number, row.values) for row in waiting], parser_of(run))
    ImportRow.objects.filter(pk__in=[row.pk for row in waiting]).delete()
    run.totals = {**run.totals, "waiting": run.totals.get("waiting", 0) - len(waiting)}
    batch = write_batch(run, actor_for(run), rows)
    batch.errors = [*bad, *batch.errors]
    keep(run, batch, rows_done=0)
