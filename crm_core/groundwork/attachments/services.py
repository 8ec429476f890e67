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
_FILES = Prepared(Attachment, lambda entity, pk: Attachment.objects.filter(entity=entity, record_id=pk, binned_at=None).order_by("-id"))


def add(actor: Actor, *, entity: str, pk: int, file: File[Any]) -> Attachment:
    """Keep a file on a record the actor may edit. Raises Invalid for an empty or too large one, PlanRefusal without room."""
    record = writing.get(actor, registry.find(entity), pk, right="edit")
    size = int(file.size or 0)
    if not size:
        raise Invalid(fields={"file": [_("The file is empty.")]})
    if size > LARGEST:
        raise Invalid(fields={"file": [_("The file is larger than 50 MB.")]})
    gates.require("storage", adding=size)
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
    row = Attachment.objects.create(
        entity=entity, record_id=record.pk, name=name, path=path, size=size, sha256=digest.hexdigest(),
        media_type=mimetypes.guess_type(name)[0] or "application/octet-stream", created_by=actor.user_id,
    )  # fmt: skip
    emit(actor, "file.added", entity="file", record_id=row.pk, after={"name": name, "size": size}, also=[f"{entity}:{pk}"])
    return row


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
    row.binned_at = clock.now()
    row.save(update_fields=["binned_at"])
    gates.free("storage", removing=row.size)
    emit(actor, "file.removed", entity="file", record_id=row.pk, before={"name": row.name}, also=[f"{row.entity}:{row.record_id}"])
    return row


def of_record(entity: str, pk: int) -> list[Attachment]:
    """The files of a record, newest first."""
    return _FILES.rows(entity=entity, pk=pk)
