"""The wizard: upload, columns, progress, result, undo."""

from __future__ import annotations

import csv
import io
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from crm_platform.kernel import gates, money, permissions
from crm_platform.kernel.errors import Forbidden, Invalid
from crm_platform.kernel.sheets import neutral
from crm_platform.ui import responses
from crm_platform.ui.paging import page_of

from . import kinds, looking, mapping, reading, seeing, services, showing, undoing
from .forms import UploadForm
from .models import ImportRow, ImportRun, Stage
from .seeing import Saw


def imports(request: HttpRequest) -> HttpResponse:
    """Earlier imports, and a new one."""
    actor = request.actor  # type: ignore[attr-defined]
    if not any(permissions.may(actor, kind.kind.entity.CREATE) for kind in kinds.all_kinds()):
        raise Forbidden
    form = UploadForm(request.POST or None, request.FILES or None, initial={"kind": _code(request.GET.get("kind", ""))})
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            file = form.cleaned_data["file"]
            try:
                run = services.upload(actor, name=file.name, chunks=file.chunks(), kind=form.cleaned_data["kind"])
            except Invalid as refusal:
                form.add_error("file", [str(line) for lines in refusal.fields.values() for line in lines])
            else:
                return responses.redirect(request, reverse("import", args=[run.pk]))
    runs = ImportRun.objects.defer("reading") if actor.everything else ImportRun.objects.defer("reading").filter(started_by=actor.user_id)
    return responses.page(request, "imports/list.html", status=status, rail="", form=form, page=page_of(runs, request.GET))


def _code(entity: str) -> str:
    return next((kind.code for kind in kinds.all_kinds() if kind.kind.code == entity), "")


def show(request: HttpRequest, pk: int) -> HttpResponse:
    """Where an import stands: columns to decide, progress, or the result."""
    run = services.get(request.actor, pk)  # type: ignore[attr-defined]
    if run.stage in (Stage.UPLOADED, Stage.MAPPED):
        return _columns(request, run)
    if responses.wants_fragment(request):
        return responses.fragment(request, "imports/_progress.html", run=run, **_figures(run))
    return responses.page(request, "imports/run.html", run=run, **_figures(run))


def _figures(run: ImportRun) -> dict[str, Any]:
    done = run.stage not in (Stage.RUNNING, Stage.UNDOING)
    rows = ImportRow.objects.filter(run=run)
    return {
        "done": done, "percent": 100 if run.rows_total == 0 else min(100, run.rows_done * 100 // run.rows_total), "kind": kinds.find(run.kind),
        "errors": list(rows.filter(state="error").order_by("number")[:20]) if done else [], "waiting": run.totals.get("waiting", 0),
        "may_undo": services.may_undo(run), "outlook": undoing.outlook(run) if done and services.may_undo(run) else None, "undo": run.totals.get("undo"),
        "undone": services.named(run.totals.get("undo", {}).get("binned", {})), "made": services.named(run.totals.get("entities", {})),
    }  # fmt: skip


def _columns(request: HttpRequest, run: ImportRun, *, status: int = 200, problem: str = "") -> HttpResponse:
    kind, actor = kinds.find(run.kind), request.actor  # type: ignore[attr-defined]
    saw = seeing.columns(run, actor)
    columns = [_column(run, at, one) for at, one in enumerate(saw)]
    context: dict[str, Any] = {
        "run": run, "kind": kind, "kinds": kinds.all_kinds(), "targets": mapping.targets_of(kind), "columns": columns, "heads": showing.heads(run), "preview": list(showing.rows(run, saw)),
        "problem": problem, "currencies": money.CURRENCIES, "room": gates.usage("contacts").room, "encodings": reading.CHOICES, "may_add": kinds.may_add(actor),
        "mapped": sum(1 for column in columns if column["target"]), "left": sum(1 for column in columns if not column["target"]), "doubts": sum(1 for one in saw if one.doubt), **_looked(run, kind),
    }  # fmt: skip
    return responses.page(request, "imports/columns.html", status=status, **context)


def _column(run: ImportRun, at: int, saw: Saw) -> dict[str, Any]:
    column, given = saw.column, run.choices.get("notations", {}).get(saw.column["name"], {})
    return {
        "at": at, "saw": saw, "column": column, "target": run.mapping.get(column["name"], ""), "figures": saw.target is not None and saw.target.figures,
        "mixed": showing.mixed_up(column) if saw.unsure else [], "orders": showing.orders(column["examples"]) if saw.dates and not saw.unsure else [], "told": showing.dates_told(column) if saw.dates else "",
        "date": given.get("date") or (column["date"] or {}).get("order", "dmy"), "decimal": given.get("decimal") or column["decimal"]["sign"],
    }  # fmt: skip


def _looked(run: ImportRun, kind: kinds.ImportKind) -> dict[str, Any]:
    """What the look through the file has found, or that it goes on."""
    found = looking.result(run)
    if found is None:
        return {"look": None, "looking": run.stage in looking.BEFORE, "readable": run.rows_total}
    return {"look": found, "alike": kind.alike(found["here"]) if found["here"] else "", "readable": run.rows_total - found["unreadable"], "bounded": found["rows"] if found["rows"] < run.rows_total else 0}


def look(request: HttpRequest, pk: int) -> HttpResponse:
    """How far the look through the file is: what the page asks for until it knows."""
    run = services.get(request.actor, pk)  # type: ignore[attr-defined]
    kind = kinds.find(run.kind)
    return responses.fragment(request, "imports/_look.html", run=run, kind=kind, alone=True, **_looked(run, kind))


@require_POST
def choose(request: HttpRequest, pk: int) -> HttpResponse:
    """Decide columns and choices; `verb=start` begins, otherwise the page shows the effect."""
    actor = request.actor  # type: ignore[attr-defined]
    run = services.get(actor, pk)
    given = request.POST
    chosen, notations = {}, {}
    for at, column in enumerate(run.reading["columns"]):
        if given.get(f"target-{at}"):
            chosen[column["name"]] = given[f"target-{at}"]
        notations[column["name"]] = {"date": given.get(f"date-{at}", ""), "decimal": given.get(f"decimal-{at}", "")}
    kind = given.get("kind") or run.kind
    spellings = _spellings(given, run, chosen) if kind == run.kind else {}
    if kind != run.kind:
        chosen = mapping.suggest(kinds.find(kind), run.reading["columns"])
    duplicates = given.get("duplicates", "update")
    choices = {"duplicates": duplicates if duplicates in ("skip", "update", "create") else "update", "add_missing": bool(given.get("add_missing")), "notations": notations, "spellings": spellings}
    choices["currency"] = given.get("currency") if given.get("currency") in money.CURRENCIES else run.choices.get("currency", "EUR")
    try:
        services.choose(actor, pk, kind=kind, chosen=chosen, choices=choices, encoding=given.get("encoding", "") if given.get("verb") != "start" else "")
    except Invalid as refusal:
        run.mapping, run.kind = chosen, kind
        return _columns(request, run, status=422, problem=refusal.message)
    if given.get("verb") == "start":
        services.start(actor, pk)
    return responses.redirect(request, reverse("import", args=[pk]))


def _spellings(given: QueryDict, run: ImportRun, chosen: dict[str, str]) -> dict[str, dict[str, str]]:
    """What was answered about spellings, of the targets that still stand on the columns they were asked about."""
    found: dict[str, dict[str, str]] = {}
    for name, choice in given.items():
        about, _colon, rest = name.partition(":")
        target, _colon, spelling = rest.partition(":")
        if about == "like" and {column for column, to in chosen.items() if to == target} == {column for column, to in run.mapping.items() if to == target}:
            found.setdefault(target, {})[spelling] = str(choice)
    return found


@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop after the batch at work."""
    services.cancel(request.actor, pk)  # type: ignore[attr-defined]
    return responses.toast(request, responses.redirect(request, reverse("import", args=[pk])), _("The import stops. What is in stays, and can be undone."))


@require_POST
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Put everything back."""
    services.undo(request.actor, pk)  # type: ignore[attr-defined]
    return responses.redirect(request, reverse("import", args=[pk]))


@require_POST
def take_in_waiting(request: HttpRequest, pk: int) -> HttpResponse:
    """Bring in what waited."""
    services.take_in_waiting(request.actor, pk)  # type: ignore[attr-defined]
    return responses.redirect(request, reverse("import", args=[pk]))


def rows(request: HttpRequest, pk: int, state: str) -> HttpResponse:
    """The rows that could not be read, or that wait, as a file to mend and import again."""
    run = services.get(request.actor, pk)  # type: ignore[attr-defined]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([*(column["name"] for column in run.reading["columns"]), _("Row"), _("Reason")])
    for row in ImportRow.objects.filter(run=run, state=state).order_by("number"):
        writer.writerow([*(neutral(value) for value in row.values), row.number, row.reason])
    name = f"import-{run.pk}-{state}.csv"
    return HttpResponse(b"\xef\xbb\xbf" + text.getvalue().encode(), content_type="text/csv; charset=utf-8", headers={"Content-Disposition": f'attachment; filename="{name}"'})
