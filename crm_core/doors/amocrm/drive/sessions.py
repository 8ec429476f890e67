"""A file comes part by part: a session says what comes, each part is answered with where the next one goes, the last with the file."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from typing import Any

from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from django.http import HttpResponse

from crm_core.doors.amocrm import storing
from crm_core.doors.amocrm.drive import files as drive
from crm_core.doors.amocrm.models import Stored
from crm_core.doors.amocrm.wire import answers
from crm_core.doors.amocrm.wire.asking import Asked
from crm_core.doors.amocrm.wire.fields import Item, settle
from crm_core.doors.amocrm.wire.problems import BadRequest
from crm_core.groundwork.attachments import services
from crm_platform.kernel import clock, files, gates, ids
from crm_platform.kernel.errors import NotFound

SESSION = "upload_session"
LARGEST_PART = 524_288
_LASTS = timedelta(hours=24)


def begin(asked: Asked) -> HttpResponse:
    """Say which file comes."""
    item = Item(asked.item)
    name, size = item.text("file_name", most=255), item.whole("file_size", least=1, most=services.LARGEST)
    for field, value in (("file_name", name), ("file_size", size)):
        if not value and not any(fault.path == field for fault in item.faults):
            item.fault(field, "This value should not be blank.", code="IsBlank")
    settle([item])
    gates.require("storage", adding=0)
    _tidy(asked)
    code = ids.random_id(24)
    storing.add(asked.actor, SESSION, [{"key": code, "body": {"file_name": name, "file_size": size, "content_type": item.text("content_type"), "parts": [], "came": 0}}])
    told = {"session_id": _number(code), "upload_url": _url(asked, code, 0), "max_file_size": services.LARGEST, "max_part_size": LARGEST_PART}
    return answers.told(told)


def _number(code: str) -> int:
    return int.from_bytes(code.encode()[:6], "big")


def _url(asked: Asked, code: str, part: int) -> str:
    return f"{asked.base}/v1.0/sessions/{code}/{part}"


def _tidy(asked: Asked) -> None:
    """Parts of what never came whole go with the next beginning after a day."""
    old = list(Stored.objects.filter(kind=SESSION, deleted_at=None, created_at__lt=clock.now() - _LASTS)[:20])
    for row in old:
        _forget(row)


def _forget(row: Stored) -> None:
    for path in row.body["parts"]:
        default_storage.delete(path)
    row.delete()


def part(asked: Asked, code: str, number: int) -> HttpResponse:
    """Take one part; a part that came already is not taken twice."""
    storing.may(asked.actor, SESSION, "create")
    row = Stored.objects.select_for_update().filter(kind=SESSION, key=code, deleted_at=None, created_by=asked.actor.user_id).first()
    if row is None or number > len(row.body["parts"]) or row.created_at < clock.now() - _LASTS:
        raise NotFound
    if number < len(row.body["parts"]):
        return answers.told({"next_url": _url(asked, code, len(row.body["parts"])), "session_id": _number(code)})
    came, left = asked.raw, row.body["file_size"] - row.body["came"]
    if not came or len(came) > min(LARGEST_PART, left):
        raise BadRequest(detail=f"A part has between 1 and {min(LARGEST_PART, left)} bytes.")
    path = default_storage.save(f"{files.folder()}/uploads/{ids.random_id(24)}", ContentFile(came))
    row.body = {**row.body, "parts": [*row.body["parts"], path], "came": row.body["came"] + len(came)}
    if len(came) < left:
        row.save(update_fields=["body"])
        return answers.told({"next_url": _url(asked, code, number + 1), "session_id": _number(code)})
    return answers.told(_whole(asked, row))


def _whole(asked: Asked, row: Stored) -> dict[str, Any]:
    with tempfile.SpooledTemporaryFile(max_size=1024 * 1024) as whole:
        for path in row.body["parts"]:
            with default_storage.open(path) as one:
                whole.write(one.read())
        whole.seek(0)
        file: File[Any] = File(whole, name=row.body["file_name"])
        file.size = row.body["file_size"]
        kept = services.keep(asked.actor, file, entity=services.LOOSE, pk=0)
    _forget(row)
    return drive.told(asked, kept)
