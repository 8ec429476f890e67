"""Files as the API tells them. Each is an attachment: on a record, whose rights it follows, or on none as yet."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.files.storage import default_storage
from django.db.models import Q, QuerySet
from django.http import FileResponse, HttpResponse

from crm_core.doors.amocrm import storing
from crm_core.doors.amocrm.records.collections import ALL
from crm_core.doors.amocrm.wire import answers, brackets, cursors
from crm_core.doors.amocrm.wire.asking import Asked, whole
from crm_core.doors.amocrm.wire.fields import Item, items_of, seconds, settle
from crm_core.groundwork.attachments import services
from crm_core.groundwork.attachments.models import Attachment
from crm_core.groundwork.attachments.services import LOOSE
from crm_core.groundwork.records import registry, writing
from crm_platform.kernel import reading
from crm_platform.kernel.errors import NotFound
from crm_platform.kernel.permissions import Actor, may, reach

FILE = "file"
# A file's uuid holds its number, so that none has to be kept.
_HEAD = 0xD0000000_0000_4000_8000_000000000000
_UNITS = {"b": 1, "kb": 1024, "mb": 1024**2, "gb": 1024**3}


def uuid_of(pk: int) -> str:
    """The uuid of a file."""
    return str(UUID(int=_HEAD + pk))


def pk_of(text: Any) -> int:
    """The number of a file by its uuid; 0 for what is none."""
    try:
        number = UUID(str(text)).int - _HEAD
    except ValueError:
        return 0
    return number if 0 < number < 2**48 else 0


def seen(actor: Actor) -> QuerySet[Attachment]:
    """The files that the actor may see, those put away included."""
    condition = Q(entity=LOOSE) if may(actor, storing.STORED.VIEW) else Q(pk__in=[])
    for collection in ALL.values():
        kept = collection.kind.model.objects.kept().filter(reach(actor, collection.kind.entity.VIEW))
        condition |= Q(entity=collection.entity, record_id__in=kept.values("pk"))
    return Attachment.objects.filter(condition)


def find(actor: Actor, uuid: Any, *, right: str = "view", binned: bool | None = False) -> Attachment:
    """One file the actor may see, or (`right`) change; `binned` None takes also those put away. Raises NotFound, Forbidden."""
    rows = seen(actor).filter(pk=pk_of(uuid))
    row = (rows if binned is None else rows.filter(binned_at__isnull=not binned)).first()
    if row is None:
        raise NotFound
    if right != "view":
        may_change(actor, row, right)
    return row


def may_change(actor: Actor, row: Attachment, right: str) -> None:
    """Raise Forbidden unless the actor may change what the file lies on."""
    if row.entity == LOOSE:
        storing.may(actor, FILE, right)
    else:
        writing.get(actor, registry.find(row.entity), row.record_id, right="edit")


def told(asked: Asked, row: Attachment) -> dict[str, Any]:
    """A file as the API tells it."""
    at, extension = f"{asked.base}/v1.0/files/{uuid_of(row.pk)}", row.name.rpartition(".")[2] if "." in row.name else ""
    by = {"id": row.created_by or 0, "type": "user"}
    return {
        "uuid": uuid_of(row.pk), "version_uuid": str(UUID(hex=row.sha256[:32])), "name": row.name.rpartition(".")[0] or row.name,
        "sanitized_name": re.sub(r"[^\w.-]+", "_", row.name), "size": row.size, "type": _type(row.media_type), "is_trashed": row.binned_at is not None,
        "created_at": seconds(row.created_at), "created_by": by, "updated_at": seconds(row.created_at), "updated_by": by, "deleted_at": seconds(row.binned_at),
        "deleted_by": None, "source_id": None, "metadata": {"extension": extension, "mime_type": row.media_type}, "previews": [], "has_multiple_versions": False,
        "_links": {"self": {"href": at}, "download": {"href": f"{at}/download"}, "download_version": {"href": f"{at}/download"}},
    }  # fmt: skip


def _type(media: str) -> str:
    kind = media.partition("/")[0]
    return kind if kind in ("image", "audio", "video") else "document" if kind == "text" or media == "application/pdf" else "file"


def index(asked: Asked) -> HttpResponse:
    """A page of files; `filter[uuid]`, `[name]`, `[term]`, `[extensions]`, `[size]`, `[date]`, `[created_by]`, `[deleted]` narrow them."""
    page, more, cursor = cursors.page_of(asked, seen(asked.actor).filter(_narrowed(asked)), "id", down=True)
    return answers.page(asked, "files", [told(asked, row) for row in page], more=more, cursor=cursor)


def _narrowed(asked: Asked) -> Q:
    asks = asked.filters
    condition = Q(binned_at__isnull=str(asks.get("deleted", "")).lower() not in ("1", "true"))
    if "uuid" in asks:
        condition &= Q(pk__in=[pk_of(one) for one in brackets.values(asks["uuid"])[:1000]])
    for name in ("name", "term"):
        if isinstance(asks.get(name), str):
            condition &= Q(name__icontains=asks[name][:255])
    endings = Q()
    for ending in brackets.values(asks.get("extensions"))[:100]:
        endings |= Q(name__iendswith=f".{ending}")
    for name in ("created_by", "updated_by"):
        if name in asks:
            condition &= Q(created_by__in=[whole(one) for one in brackets.values(asks[name])[:1000]])
    return condition & endings & _size(asks.get("size")) & _date(asks.get("date"))


def _size(given: Any) -> Q:
    if not isinstance(given, dict):
        return Q()
    unit = _UNITS.get(str(given.get("unit", "b")).lower(), 1)
    ends = {"gte": given.get("from"), "lte": given.get("to")}
    return Q(**{f"size__{way}": min(whole(value) * unit, 2**62) for way, value in ends.items() if isinstance(value, str)})


def _date(given: Any) -> Q:
    if not isinstance(given, dict):
        return Q()
    low, high = (reading.moment(given.get(end)) if isinstance(given.get(end), str) else None for end in ("from", "to"))
    condition = Q(created_at__gte=low) if low else Q()
    return condition & Q(created_at__lt=high + timedelta(seconds=1)) if high and high.year < 9999 else condition


def show(asked: Asked, uuid: str) -> HttpResponse:
    """One file, one put away as well."""
    return answers.told(told(asked, find(asked.actor, uuid, binned=None)))


def versions(asked: Asked, uuid: str) -> HttpResponse:
    """The versions of a file: the one there is."""
    row = find(asked.actor, uuid, binned=None)
    return answers.page(asked, "versions", [{**told(asked, row), "is_main": True}])


def change(asked: Asked, uuid: str) -> HttpResponse:
    """Call a file otherwise; its ending stays."""
    row, item = find(asked.actor, uuid, right="edit"), Item(asked.item)
    name = item.text("name", most=200)
    if not name:
        item.fault("name", "This value should not be blank.", code="IsBlank")
    settle([item])
    ending = row.name.rpartition(".")[2] if "." in row.name else ""
    full = name if not ending or name.lower().endswith(f".{ending.lower()}") else f"{name}.{ending}"
    return answers.told(told(asked, services.rename(asked.actor, row, full)))


def delete(asked: Asked) -> HttpResponse:
    """Put away the files that the items name, all of them or none."""
    for row in _named(asked, binned=False, right="delete"):
        services.put_away(asked.actor, row)
    return answers.nothing()


def restore(asked: Asked) -> HttpResponse:
    """Bring files back that were put away."""
    rows = [services.bring_back(asked.actor, row) for row in _named(asked, binned=True, right="edit")]
    return answers.made(asked, "files", [told(asked, row) for row in rows])


def _named(asked: Asked, *, binned: bool, right: str) -> list[Attachment]:
    items, rows = items_of(asked.items), {}
    for item in items:
        try:
            row = find(asked.actor, item.text("uuid"), right=right, binned=binned)
            rows[row.pk] = row
        except NotFound:
            item.fault("uuid", "Entity not found.", code="EntityNotFound")
    settle(items)
    return list(rows.values())


def download(asked: Asked, uuid: str) -> HttpResponse:
    """The bytes of a file."""
    row = find(asked.actor, uuid, binned=None)
    try:
        content = default_storage.open(row.path)
    except FileNotFoundError:
        raise NotFound from None
    response = FileResponse(content, as_attachment=True, filename=row.name, content_type="application/octet-stream")
    response.headers.setdefault("Content-Length", str(row.size))
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response  # type: ignore[return-value]  # it streams; nobody below asks for its whole content
