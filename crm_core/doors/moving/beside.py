"""What hangs on records: notes, tasks, the history of stages, files. Each with the time and the person it has over there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.core.files.base import ContentFile
from django.utils import timezone
from django.utils.translation import gettext as _

from crm_core.doors.amocrm import names
from crm_core.doors.amocrm.drive import files as drive
from crm_core.doors.amocrm.drive import lying
from crm_core.doors.amocrm.resources.notes import in_words
from crm_core.doors.amocrm.resources.tasks import TYPE_OF
from crm_core.doors.amocrm.wire.texts import clean
from crm_core.engagement.notes import services as notes
from crm_core.engagement.tasks import services as tasks
from crm_core.engagement.tasks.models import LONGEST_TEXT, TaskType
from crm_core.groundwork.attachments import services as attachments
from crm_core.groundwork.imports.languages import firms_language
from crm_core.groundwork.records import registry
from crm_core.sales.deals import services as deals
from crm_core.sales.deals.models import DealContact
from crm_platform.accounts import directory
from crm_platform.kernel.errors import Invalid, PlanRefusal

from .work import Row, Work, moment

LONGEST, LARGEST_PARAMS = notes.LONGEST, 50_000
# A change of a stage over there, as a note of this kind stands in the history here.
HISTORY = {"note_type": "service_message", "type": "lead_status_changed"}


def write_notes(work: Work, plural: str, rows: Sequence[Row]) -> None:
    """Notes of every type, with what programs said of them; a file that a note speaks of is the one that came."""
    fresh = work.fresh("notes", rows)
    records = _records(work, plural, [row.get("entity_id") for row in fresh])
    files = work.ours("files", [_params(row).get("file_uuid") for row in fresh])
    told = [(row, said) for row in fresh if (said := _note(work, plural, row, records, files)) is not None]
    made = notes.add_said(work.actor, [said for _row, said in told])
    work.keep("notes", [(row["id"], note.pk) for (row, _said), note in zip(told, made, strict=True)])
    for (row, _said), note in zip(told, made, strict=True):
        if row.get("is_pinned") is True:
            notes.pin(work.actor, note.pk)


def _records(work: Work, plural: str, foreign: Sequence[Any]) -> dict[str, Any]:
    """Our records by the ids over there, deals with their contacts: asked once for all."""
    ours = work.ours(plural, foreign)
    kind = registry.find(names.code_of(plural))
    found = kind.model.objects.kept().in_bulk(list(ours.values()))
    if plural == "leads":
        for deal in found.values():
            deal.contact_ids = []
        for deal_id, contact_id in DealContact.objects.filter(deal__in=list(found)).values_list("deal_id", "contact_id"):
            found[deal_id].contact_ids.append(contact_id)
    return {key: found[pk] for key, pk in ours.items() if pk in found}


def _params(row: Row) -> Row:
    params = row.get("params")
    return params if isinstance(params, dict) else {}


def _note(work: Work, plural: str, row: Row, records: dict[str, Any], files: dict[str, int]) -> notes.Said | None:
    record = records.get(str(row.get("entity_id")))
    kind, params = str(row.get("note_type") or "common")[:40], dict(_params(row))
    if record is None:
        work.leave("notes", row["id"], _about(plural, row), _("The record it stands on is not here."))
        return None
    if len(str(params)) > LARGEST_PARAMS:
        work.leave("notes", row["id"], _about(plural, row), _("It is larger than a note may be; its beginning came."))
        params = {"text": str(params.get("text") or "")[:LONGEST]}
    params = {clean(str(name))[:80]: clean(value) if isinstance(value, str) else value for name, value in params.items()}
    if str(params.get("file_uuid")) in files:
        params["file_uuid"] = drive.uuid_of(files[str(params["file_uuid"])])
    with firms_language():
        text = in_words(kind, params) or kind
    if len(text) > LONGEST:
        work.leave("notes", row["id"], _about(plural, row), _("It is larger than a note may be; its beginning came."))
    return notes.Said(
        entity=names.code_of(plural), record=record, text=text[:LONGEST], kind=kind, params=params, created_at=moment(row.get("created_at")),
        created_by=work.person(row.get("created_by")),
    )  # fmt: skip


def _about(plural: str, row: Row) -> str:
    return f"{plural} {row.get('entity_id')}"


def write_tasks(work: Work, rows: Sequence[Row]) -> None:
    """Tasks, those that are done with their results."""
    fresh = work.fresh("tasks", rows)
    homes = {plural: _records(work, plural, [row.get("entity_id") for row in fresh if row.get("entity_type") == plural]) for plural in names.CODES}
    told = [(row, said) for row in fresh if (said := _task(work, row, homes)) is not None]
    made = tasks.add_said(work.actor, [said for _row, said in told])
    work.keep("tasks", [(row["id"], task.pk) for (row, _said), task in zip(told, made, strict=True)])


def _task(work: Work, row: Row, homes: dict[str, dict[str, Any]]) -> tasks.Said | None:
    plural, due = row.get("entity_type"), moment(row.get("complete_till"))
    record = homes.get(str(plural), {}).get(str(row.get("entity_id")))
    if due is None or (plural and record is None):
        work.leave("tasks", row["id"], row.get("text"), _("The record it stands on is not here.") if due else _("It has no date."))
        return None
    text = clean(str(row.get("text") or "")).strip() or str(TaskType.TODO.label)
    if len(text) > LONGEST_TEXT:
        work.leave("tasks", row["id"], text, _("Its text is longer than {most} letters and was cut.").format(most=LONGEST_TEXT))
    result, done, local = row.get("result"), row.get("is_completed") is True, timezone.localtime(due)
    person = work.person(row.get("responsible_user_id"))
    said = result.get("text") if isinstance(result, dict) else ""
    return tasks.Said(
        text=text[:LONGEST_TEXT], due_at=due, type=TYPE_OF.get(_number(row.get("task_type_id")), TaskType.TODO.value), all_day=(local.hour, local.minute) == (23, 59),
        responsible_id=person if person in directory.everyone() else work.move.started_by_id, entity=names.CODES.get(str(plural), ""), record=record,
        created_at=moment(row.get("created_at")), created_by=work.person(row.get("created_by")), result=clean(str(said or "")),
        duration=min(max(_number(row.get("duration")), 0), tasks.LONGEST), done_at=(moment(row.get("updated_at")) or due) if done else None, done_by=work.person(row.get("updated_by")) if done else None,
    )  # fmt: skip


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0


def write_history(work: Work, rows: Sequence[Row]) -> None:
    """Each change of a stage is a line of the deal's history, and says since when the deal stands where it stands."""
    fresh = sorted(work.fresh("history", rows), key=lambda row: _number(row.get("created_at")))
    records = _records(work, "leads", [row.get("entity_id") for row in fresh])
    told, since = list[tuple[Row, notes.Said]](), dict[int, datetime]()
    for row in fresh:
        record, at = records.get(str(row.get("entity_id"))), moment(row.get("created_at")) or datetime.now(UTC)
        if record is None:
            work.leave("history", row["id"], _about("leads", row), _("The record it stands on is not here."))
            continue
        since[record.pk] = at
        with firms_language():
            text = _("Stage: {before} → {after}").format(before=_stage(work, row.get("value_before")), after=_stage(work, row.get("value_after")))
        told.append((row, notes.Said(
            entity="deal", record=record, text=text, kind=HISTORY["note_type"], params={"service": "amoCRM", "text": text, "moved": HISTORY["type"]}, created_at=at,
            created_by=work.person(row.get("created_by")),
        )))  # fmt: skip
    made = notes.add_said(work.actor, [said for _row, said in told])
    work.keep("history", [(row["id"], note.pk) for (row, _said), note in zip(told, made, strict=True)])
    deals.keep_stage_since(since)


def _stage(work: Work, side: Any) -> str:
    """How a stage is called over there, with its pipeline where there are several."""
    status = side[0].get("lead_status") if isinstance(side, list) and side and isinstance(side[0], dict) else None
    if not isinstance(status, dict):
        return "–"
    lines = work.move.inventory["pipelines"]
    line = next((one for one in lines if one["id"] == status.get("pipeline_id")), None)
    name = next((one["name"] for one in (line or {}).get("statuses", ()) if one["id"] == status.get("id")), "–")
    return f"{name} ({line['name']})" if line and len(lines) > 1 else str(name)


def write_files(work: Work, rows: Sequence[Row]) -> None:
    """Files with their bytes, each on the first record that it lies on; with the others it is linked."""
    for row in rows:
        homes = [(str(plural), pk) for plural, foreign in row["links"] if plural in names.CODES for pk in work.ours(str(plural), [foreign]).values()]
        known = work.ours("files", [row["uuid"]]).get(row["uuid"]) or _kept_file(work, row, homes)
        present = drive.seen(work.actor).filter(pk=known or 0, binned_at=None).first()
        for plural, pk in homes:
            if present is not None:
                lying.lay(work.actor, present, plural, pk)


def _kept_file(work: Work, row: Row, homes: Sequence[tuple[str, int]]) -> int | None:
    problem = row["problem"] or (_("No record that it lies on is here.") if not homes else "")
    if not problem:
        try:
            made = attachments.keep(work.actor, ContentFile(row["bytes"], name=row["name"]), entity=names.CODES[homes[0][0]], pk=homes[0][1])
        except (Invalid, PlanRefusal) as refusal:
            problem = refusal.message
        else:
            work.keep("files", [(row["uuid"], made.pk)])
            return made.pk
    work.leave("files", row["uuid"], row["name"], problem)
    return None
