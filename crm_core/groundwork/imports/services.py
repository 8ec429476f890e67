"""Verbs of imports: upload, map, start, cancel, take in what waits, undo."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.utils.translation import gettext_lazy as _

from crm_core.groundwork.custom_fields import services as custom
from crm_platform.events.backbone import emit
from crm_platform.kernel import clock, files, ids, jobs, preferences
from crm_platform.kernel.errors import Conflict, Invalid, NotFound
from crm_platform.kernel.permissions import Actor, ActorKind, require

from . import kinds, mapping, names, reading
from .models import ImportRow, ImportRun, Stage

UNDO_FOR = timedelta(days=30)
LARGEST = 60 * 1024 * 1024
DEFAULTS = {"duplicates": "update", "add_missing": True, "currency": ""}


class AlreadyRunning(Conflict):
    """The import has been started already."""

    code = "import_started"
    sentence = _("This import has been started already. Its page shows how far it is.")


class CannotUndo(Conflict):
    """Too late, or not finished."""

    code = "cannot_undo"
    sentence = _("An import can be undone when it is finished, for 30 days.")


def upload(actor: Actor, *, name: str, chunks: Any, kind: str = "") -> ImportRun:
    """Keep a file and read what is in it; nothing is imported yet. Raises CannotRead with the reason, keeping nothing."""
    path = files.path_in("imports", ids.random_id(24))
    path.parent.mkdir(parents=True, exist_ok=True)
    size = 0
    try:
        with path.open("wb") as file:
            for chunk in chunks:
                size += len(chunk)
                if size > LARGEST:
                    raise Invalid(fields={"file": [_("The file is larger than 60 MB. Cut it into parts.")]})
                file.write(chunk)
        read = reading.recognise(path, name)
        found = mapping.profile(path, read)
        chosen = kinds.find(kind) if kind else mapping.guess_kind(found["columns"])
        require(actor, chosen.kind.entity.CREATE)
        files.house().put(files.name_of(path), path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    run = ImportRun.objects.create(
        kind=chosen.code, file_name=name[:255], path=path.name, size=size, reading={**read.as_json(), **found}, started_by_id=actor.user_id,
        mapping=mapping.suggest(chosen, found["columns"]), choices={**DEFAULTS, "currency": preferences.here().currency}, rows_total=found["rows"],
    )  # fmt: skip
    jobs.later("imports.look", run.pk)
    return run


def get(actor: Actor, pk: int, *, lock: bool = False) -> ImportRun:
    """An import the actor may see: one's own, or any for those who may create its kind for all."""
    rows = ImportRun.objects.select_for_update() if lock else ImportRun.objects
    run = rows.filter(pk=pk).first()
    if run is None or not (actor.everything or run.started_by_id == actor.user_id):
        raise NotFound
    return run


def file_of(run: ImportRun) -> AbstractContextManager[Path]:
    """The uploaded file, at hand; raises NotOurs where the row names anything but a file of this workspace, and FileNotFoundError."""
    return files.house().at_hand(_name_of(run))


def drop_file(run: ImportRun) -> None:
    """It is not needed any more. Twice is once."""
    files.house().delete(_name_of(run))


def _name_of(run: ImportRun) -> str:
    return files.name_of(files.path_in("imports", run.path))


def choose(actor: Actor, pk: int, *, kind: str, chosen: dict[str, str], choices: dict[str, Any], encoding: str = "") -> ImportRun:
    """Decide columns and choices; `choices["spellings"]`: target → spelling → "same" or "another". Raises Invalid where what the kind needs has no column; AlreadyRunning."""
    run = get(actor, pk, lock=True)
    if run.stage not in (Stage.UPLOADED, Stage.MAPPED):
        raise AlreadyRunning
    target_kind = kinds.find(kind)
    require(actor, target_kind.kind.entity.CREATE)
    if encoding and encoding != run.reading["encoding"] and run.reading["format"] == "csv":
        return _read_again(run, target_kind, encoding=encoding)
    if not set(chosen.values()) & set(target_kind.needs):
        labels = ", ".join(str(target.label) for target in target_kind.targets if target.name in target_kind.needs)
        raise Invalid(fields={"mapping": [str(_("Choose a column for at least one of: {labels}")).format(labels=labels)]})
    refused = [] if kinds.may_add(actor) else [column for column, target in chosen.items() if target == "new" and _field_called(target_kind.kind.code, column) is None]
    if refused:
        raise Invalid(fields={"mapping": [str(_("There is no field “{name}”; an administrator can add it.")).format(name=refused[0])]})
    spellings = names.check(run, target_kind.names, chosen, choices.get("spellings"))
    run.kind, run.mapping, run.choices, run.stage = kind, chosen, {**DEFAULTS, **choices, "spellings": spellings}, Stage.MAPPED
    run.save()
    jobs.later("imports.look", run.pk)
    return run


def _read_again(run: ImportRun, kind: kinds.ImportKind, *, encoding: str) -> ImportRun:
    """The person says in which encoding the file is: its heads may be other ones now. Raises CannotRead."""
    if encoding not in reading.CHOICES:
        raise Invalid(fields={"encoding": [_("Choose one of the encodings.")]})
    read = replace(reading.Reading.from_json(run.reading), encoding=encoding, doubts=[])
    try:
        with file_of(run) as path:
            found = mapping.profile(path, read)
    except UnicodeError:
        raise Invalid(fields={"encoding": [_("The file cannot be read in this encoding.")]}) from None
    run.reading, run.mapping = {**read.as_json(), **found}, mapping.suggest(kind, found["columns"])
    run.save(update_fields=["reading", "mapping"])
    jobs.later("imports.look", run.pk)
    return run


def start(actor: Actor, pk: int) -> ImportRun:
    """Run it in the background. Twice is once."""
    run = get(actor, pk, lock=True)
    if run.stage not in (Stage.UPLOADED, Stage.MAPPED):
        return run
    run.mapping = _make_new_fields(actor, run)
    run.stage, run.started_at = Stage.RUNNING, clock.now()
    run.save()
    emit(actor, "import.started", entity="import", record_id=run.pk, after={"file": run.file_name, "kind": run.kind, "rows": run.rows_total}, also=["workspace:1"])
    jobs.later("imports.run", run.pk)
    return run


def _field_called(entity: str, column: str) -> Any:
    return next((field for field in custom.fields_of(entity) if field.name.casefold() == column.casefold()), None)


def _make_new_fields(actor: Actor, run: ImportRun) -> dict[str, str]:
    """Columns that shall become fields of their own, as on the page of fields: raises Forbidden for whom that is closed."""
    entity = kinds.find(run.kind).kind.code
    mapped, added = dict(run.mapping), list[str]()
    for column, target in run.mapping.items():
        if target == "new":
            present = _field_called(entity, column)
            field = present or custom.add_field(acting(run, actor), entity=entity, name=column, kind="text")
            mapped[column] = f"custom:{field.pk}"
            if present is None:
                added.append(field.name)
    if added:
        run.totals = {**run.totals, "added": {str(_("Fields")): added}}
    return mapped


def cancel(actor: Actor, pk: int) -> ImportRun:
    """Stop after the batch at work; what is in stays, and can be undone."""
    run = get(actor, pk, lock=True)
    if run.stage in (Stage.UPLOADED, Stage.MAPPED):
        run.stage = Stage.CANCELLED
        drop_file(run)
    run.cancel_asked = True
    run.save(update_fields=["cancel_asked", "stage"])
    return run


def take_in_waiting(actor: Actor, pk: int) -> ImportRun:
    """Bring in the rows that waited for room on the plan."""
    run = get(actor, pk, lock=True)
    if run.stage != Stage.DONE or not ImportRow.objects.filter(run=run, state="waiting").exists():
        raise Invalid(fields={"import": [_("No row is waiting.")]})
    run.stage = Stage.RUNNING
    run.save(update_fields=["stage"])
    jobs.later("imports.waiting", run.pk)
    return run


def acting(run: ImportRun, actor: Actor) -> Actor:
    """The person, through the import: what history and undo know it by."""
    return actor.through(ActorKind.IMPORT, via=f"import:{run.pk}")


def named(counts: dict[str, int]) -> list[tuple[str, int]]:
    """Figures under the names of their kinds, as people read them; what is nought is left out."""
    called = {code: str(one.kind.plural) for one in kinds.all_kinds() for code in (one.code, one.kind.code)} | {"people": str(_("People"))}
    return [(called.get(code, code), count) for code, count in counts.items() if count]


def may_undo(run: ImportRun) -> bool:
    """Finished, not undone, not older than 30 days."""
    finished = run.stage in (Stage.DONE, Stage.CANCELLED, Stage.FAILED) and run.started_at is not None
    return finished and clock.now() - (run.finished_at or run.created_at) < UNDO_FOR


def undo(actor: Actor, pk: int) -> ImportRun:
    """Put everything back, in the background. Raises CannotUndo."""
    run = get(actor, pk, lock=True)
    if not may_undo(run):
        raise CannotUndo
    run.stage = Stage.UNDOING
    run.save(update_fields=["stage"])
    jobs.later("imports.undo", run.pk)
    return run
