"""Files of records: bytes in storage under the workspace's prefix, the row in the workspace."""

from __future__ import annotations

import hashlib
import mimetypes
from pathlib import PurePosixPath
from typing import Any

from django.core.files.base import File
from django.core.files.storage import default_storage
from django.utils.translation import gettext_lazy as _

from crm_core.groundwork.records import registry, writing
from crm_platform.db.prepared import Prepared
from crm_platform.events.backbone import emit
from crm_platform.kernel import clock, files, gates, ids
from crm_platform.kernel.errors import Invalid, NotFound
from crm_platform.kernel.permissions import Actor

from .models import Attachment

LARGEST = 50 * 1024 * 1024
# The entity of a file that a program brought and that lies on no record yet.
LOOSE = "drive"
_FILES = Prepared(Attachment, lambda entity, pk: Attachment.objects.filter(entity=entity, record_id=pk, binned_at=None).order_by("-id"))


def add(actor: Actor, *, entity: str, pk: int, file: File[Any]) -> Attachment:
    """Keep a file on a record the actor may edit. Raises Invalid for an empty or too large one, PlanRefusal without room."""
    record = writing.get(actor, registry.find(entity), pk, right="edit")
    return keep(actor, file, entity=entity, pk=record.pk)


def keep(actor: Actor, file: File[Any], *, entity: str, pk: int) -> Attachment:
    """Keep a file where the caller has asked the rights: on a record, or (LOOSE) on none as yet. Raises as `add` does."""
    size = int(file.size or 0)
    if not size:
        raise Invalid(fields={"file": [_("The file is empty.")]})
    if size > LARGEST:
        raise Invalid(fields={"file": [_("The file is larger than 50 MB.")]})
    gates.require("storage", adding=size)
    row = _kept(entity, pk, stored(file), by=actor.user_id)
    emit(actor, "file.added", entity="file", record_id=row.pk, after={"name": row.name, "size": size}, also=_also(row))
    return row


def _also(row: Attachment) -> list[str]:
    return [] if row.entity == LOOSE else [f"{row.entity}:{row.record_id}"]


def stored(file: File[Any]) -> dict[str, Any]:
    """Bytes put into storage, with no row yet: "name", "path", "size", "sha256"."""
    name = PurePosixPath(str(file.name).replace("\\", "/")).name[:255] or "file"
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    file.seek(0)
    path = f"{files.folder()}/attachments/{ids.random_id(24)}"
    try:
        path = default_storage.save(path, file)
    except OSError:  # a full disk: the piece that went in must not stay
        default_storage.delete(path)
        raise
    return {"name": name, "path": path, "size": int(file.size or 0), "sha256": digest.hexdigest()}


def dropped(given: dict[str, Any]) -> None:
    """Bytes that were stored and will have no row."""
    default_storage.delete(given["path"])


def keep_incoming(entity: str, pk: int, given: list[dict[str, Any]]) -> None:
    """Rows for files that came from outside with a lead: never refused, they may pass what the plan holds."""
    for one in given:
        gates.restore("storage", adding=one["size"])
        _kept(entity, pk, one, by=None)


def carry(actor: Actor, *, entity: str, pk: int, to: str, to_pk: int) -> int:
    """Move all files of something onto a record; returns how many. The caller has asked the rights."""
    rows = list(Attachment.objects.filter(entity=entity, record_id=pk, binned_at=None))
    Attachment.objects.filter(pk__in=[row.pk for row in rows]).update(entity=to, record_id=to_pk)
    for row in rows:
        emit(actor, "file.added", entity="file", record_id=row.pk, after={"name": row.name, "size": row.size}, also=[f"{to}:{to_pk}"])
    return len(rows)


def _kept(entity: str, pk: int, given: dict[str, Any], *, by: int | None) -> Attachment:
    media_type = mimetypes.guess_type(given["name"])[0] or "application/octet-stream"
    made: Attachment = Attachment.objects.create(entity=entity, record_id=pk, media_type=media_type, created_by=by, **given)
    return made


def get(actor: Actor, pk: int) -> Attachment:
    """A file on a record the actor may see; raises NotFound."""
    row = Attachment.objects.filter(pk=pk, binned_at=None).first()
    if row is None:
        raise NotFound
    writing.get(actor, registry.find(row.entity), row.record_id, binned=True)
    return row


def remove(actor: Actor, pk: int) -> Attachment:
    """Take a file off its record; its bytes are kept with the bin's 90 days."""
    row = get(actor, pk)
    writing.get(actor, registry.find(row.entity), row.record_id, right="edit")
    return put_away(actor, row)


def put_away(actor: Actor, row: Attachment) -> Attachment:
    """The same where the caller has asked the rights."""
    row.binned_at = clock.now()
    row.save(update_fields=["binned_at"])
    gates.free("storage", removing=row.size)
    emit(actor, "file.removed", entity="file", record_id=row.pk, before={"name": row.name}, also=_also(row))
    return row


def bring_back(actor: Actor, row: Attachment) -> Attachment:
    """Bring a file back that was put away; the caller has asked the rights."""
    row.binned_at = None
    row.save(update_fields=["binned_at"])
    gates.restore("storage", adding=row.size)
    emit(actor, "file.added", entity="file", record_id=row.pk, after={"name": row.name, "size": row.size}, also=_also(row))
    return row


def rename(actor: Actor, row: Attachment, name: str) -> Attachment:
    """Call a file otherwise; the caller has asked the rights."""
    before, row.name = row.name, PurePosixPath(name.replace("\\", "/")).name[:255] or row.name
    if row.name != before:
        row.save(update_fields=["name"])
        emit(actor, "file.renamed", entity="file", record_id=row.pk, before={"name": before}, after={"name": row.name}, also=_also(row))
    return row


def put_on(actor: Actor, row: Attachment, *, entity: str, pk: int) -> Attachment:
    """Lay a file on a record (or on none: LOOSE, 0); the caller has asked the rights."""
    left, row.entity, row.record_id = _also(row), entity, pk
    row.save(update_fields=["entity", "record_id"])
    if left:
        emit(actor, "file.removed", entity="file", record_id=row.pk, before={"name": row.name}, also=left)
    else:
        emit(actor, "file.added", entity="file", record_id=row.pk, after={"name": row.name, "size": row.size}, also=_also(row))
    return row


def of_record(entity: str, pk: int) -> list[Attachment]:
    """The files of a record, newest first."""
    return _FILES.rows(entity=entity, pk=pk)
