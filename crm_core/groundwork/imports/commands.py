"""Imports on the command line, for operators and scripts."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
from django.utils.translation import gettext as _

from crm_platform.db import sides
from crm_platform.jobs import serving
from crm_platform.kernel import commands, preferences
from crm_platform.kernel.commands import answer, as_json, workspace_option
from crm_platform.kernel.errors import Invalid
from crm_platform.kernel.permissions import robot
from crm_platform.kernel.workspace import Place
from tenants.finding import awake

from . import kinds, mapping, running, services
from .kinds import Parsed
from .models import ImportRow, ImportRun, Stage
from .parsing import BadCell
from .reading import Reading

_ROBOT = robot("command line")


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            yield chunk


@commands.command("import")
@workspace_option
@click.option("--file", "file", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path), help="CSV, XLSX or vCard.")
@click.option("--kind", type=click.Choice(["deals", "contacts", "companies", "products"]), default=None, help="What is in it; else found out by its columns.")
@click.option("--mapping", "mapping_file", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=None, help="JSON: column → target.")
@click.option("--duplicates", type=click.Choice(["skip", "update", "create"]), default="update", help="What becomes of records that are there already.")
@click.option("--dry-run", is_flag=True, help="Read everything, write nothing.")
@as_json
def import_file(slug: str, file: Path, kind: str | None, mapping_file: Path | None, duplicates: str, dry_run: bool, as_json: bool) -> None:
    """Import a file; prints the figures."""
    place = awake(slug).place
    with sides.unit(place):
        run = services.upload(_ROBOT, name=file.name, chunks=_chunks(file), kind=kind or "")
        if mapping_file is not None:
            run.mapping = json.loads(mapping_file.read_text(encoding="utf-8"))
        run.choices = {**run.choices, "duplicates": duplicates, "currency": preferences.here().currency}
        run.save()
        if dry_run:
            figures = _dry(run)
            services.cancel(_ROBOT, run.pk)
        else:
            services.choose(_ROBOT, run.pk, kind=run.kind, chosen=run.mapping, choices=run.choices)
            services.start(_ROBOT, run.pk)
    if not dry_run:
        run = _until_done(place, run.pk, (Stage.RUNNING,))
        with sides.unit(place):
            figures = figures_of(run)
    answer(figures, as_json=as_json, text="\n".join(f"{name}: {value}" for name, value in figures.items()))


def _dry(run: ImportRun) -> dict[str, Any]:
    """Read every row as the import would, and say which cannot be read."""
    parser = running.parser_of(run)
    needs = set(kinds.find(run.kind).needs)
    if not set(run.mapping.values()) & needs:
        raise Invalid
    read, errors = 0, []
    with services.file_of(run) as path:
        for number, cells in mapping.lines_from(path, Reading.from_json(run.reading), after=0):
            try:
                row: Parsed = parser.parse(number, cells)
                read += 1 if row.values else 0
            except BadCell as error:
                errors.append({"row": number, "reason": str(error)})
    return {
        "rows": run.rows_total, "created": 0, "updated": 0, "skipped": 0, "waiting": 0, "errors": errors[:1000], "entities": _entities({}), "folded": [],
        "import_id": None, "readable": read, "mapping": run.mapping, "kind": run.kind,
    }  # fmt: skip


def _until_done(place: Place, pk: int, stages: tuple[str, ...]) -> ImportRun:
    """Serve the workspace here until the import is finished, beside or instead of a worker."""
    open_unit: Callable[[], Any] = lambda: sides.unit(place)  # noqa: E731
    while True:
        serving.serve_side(open_unit, seconds=600)
        with open_unit():
            run = ImportRun.objects.get(pk=pk)
        if run.stage not in stages:
            return run
        time.sleep(0.2)


def _entities(counted: dict[str, int]) -> dict[str, int]:
    return {name: counted.get(name, 0) for name in ("deals", "contacts", "companies", "products", "people")}


def figures_of(run: ImportRun) -> dict[str, Any]:
    """The command's answer."""
    totals = run.totals
    errors = list(ImportRow.objects.filter(run=run, state="error").order_by("number").values_list("number", "reason")[: running.MOST_ERRORS])
    return {
        "rows": run.rows_total,
        "created": totals.get("created", 0),
        "updated": totals.get("updated", 0),
        "skipped": totals.get("skipped", 0),
        "waiting": totals.get("waiting", 0),
        "errors": [{"row": number, "reason": reason} for number, reason in errors],
        "entities": _entities(totals.get("entities", {})),
        "folded": totals.get("folded", []),
        "import_id": run.pk,
    }


@commands.command("import-undo")
@workspace_option
@click.option("--import", "import_id", required=True, type=int, help="The number the import printed.")
@as_json
def import_undo(slug: str, import_id: int, as_json: bool) -> None:
    """Undo a whole import; prints what was binned, put back and kept."""
    place = awake(slug).place
    with sides.unit(place):
        services.undo(_ROBOT, import_id)
    run = _until_done(place, import_id, (Stage.UNDOING,))
    report = {"import_id": import_id, **run.totals.get("undo", {})}
    answer(report, as_json=as_json, text=undo_in_words(report))


def undo_in_words(report: dict[str, Any]) -> str:
    """The report of an undo, a line each, with kinds by their names."""
    lines = [_("Into the bin, %(name)s: %(count)d") % {"name": name, "count": count} for name, count in services.named(report.get("binned", {}))]
    figures = ((_("Put back: %(count)d"), "restored"), (_("People without access who left the list: %(count)d"), "people"), (_("Stages, tags and choices removed: %(count)d"), "swept"))
    lines += [sentence % {"count": report[name]} for sentence, name in figures if report.get(name)]
    lines += [_("Kept, because someone changed it later: %(name)s") % {"name": row["name"]} for row in report.get("kept", [])]
    return "\n".join(lines) or _("There was nothing to undo.")
