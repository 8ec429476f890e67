"""What files lie on: the first record a file is laid on has it on its card; with others it is linked."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse

from crm_core.doors.amocrm import names, storing
from crm_core.doors.amocrm.drive import files as drive
from crm_core.doors.amocrm.models import Stored
from crm_core.doors.amocrm.records import collections
from crm_core.doors.amocrm.records.taking import visible
from crm_core.doors.amocrm.wire import answers, cursors
from crm_core.doors.amocrm.wire.asking import Asked
from crm_core.doors.amocrm.wire.fields import Item, items_of, settle
from crm_core.groundwork.attachments import services
from crm_core.groundwork.attachments.models import Attachment
from crm_core.groundwork.attachments.services import LOOSE
from crm_core.groundwork.records import writing
from crm_platform.kernel.errors import NotFound
from crm_platform.kernel.permissions import Actor

LINK = "file_link"
_CUSTOMERS = "customers"


def _stands(asked: Asked, plural: str, pk: int, *, right: str = "view") -> None:
    """Raise NotFound, Forbidden unless the program may do this to the record."""
    if plural == _CUSTOMERS:
        storing.get(asked.actor, "customer", pk)
        storing.may(asked.actor, "customer", right)
    else:
        writing.get(asked.actor, collections.find(plural).kind, pk, right=right)


def index(asked: Asked, plural: str, pk: int) -> HttpResponse:
    """The files of a record."""
    _stands(asked, plural, pk)
    linked = [row.parent_id for row in _links(plural, pk) if row.parent_id]
    rows = drive.seen(asked.actor).filter(binned_at=None)
    own = rows.filter(entity=names.CODES[plural], record_id=pk) if plural in names.CODES else rows.none()
    page, more, cursor = cursors.page_of(asked, own | rows.filter(pk__in=linked), "id", down=False)
    return answers.page(asked, "files", [_told(row) for row in page], more=more, cursor=cursor)


def _links(plural: str, pk: int) -> list[Stored]:
    return list(Stored.objects.filter(kind=LINK, deleted_at=None, body__entity_type=plural, body__entity_id=pk))


def _told(row: Attachment) -> dict[str, Any]:
    return {"id": row.pk, "file_uuid": drive.uuid_of(row.pk)}


def put(asked: Asked, plural: str, pk: int) -> HttpResponse:
    """Lay files on a record, all of them or none; one that lies there already stays so."""
    _stands(asked, plural, pk, right="edit")
    rows = _named(asked)
    for row in rows:
        lay(asked.actor, row, plural, pk)
    return answers.made(asked, "files", [_told(row) for row in rows], status=202)


def _named(asked: Asked) -> list[Attachment]:
    """The files that the body names. Raises ItemsRefused."""
    items = items_of(asked.items)
    rows = [row for item in items if (row := _found(asked, item)) is not None]
    settle(items)
    return rows


def _found(asked: Asked, item: Item) -> Attachment | None:
    try:
        return drive.find(asked.actor, item.text("file_uuid"))
    except NotFound:
        item.fault("file_uuid", "Entity not found.", code="EntityNotFound")
        return None


def lay(actor: Actor, row: Attachment, plural: str, pk: int) -> None:
    """Lay a file on a record; the caller has asked the rights."""
    if row.entity == names.CODES.get(plural) and row.record_id == pk:
        return
    if row.entity == LOOSE and plural in names.CODES:
        services.put_on(actor, row, entity=names.CODES[plural], pk=pk)
        return
    key = f"{plural}:{pk}:{row.pk}"
    if storing.by_key(actor, LINK, key) is None:
        storing.add(actor, LINK, [{"key": key, "body": {"entity_type": plural, "entity_id": pk}}], parent_id=row.pk)


def take(asked: Asked, plural: str, pk: int) -> HttpResponse:
    """Take files off a record; they stay in the drive."""
    _stands(asked, plural, pk, right="edit")
    rows = _named(asked)
    for row in rows:
        if row.entity == names.CODES.get(plural) and row.record_id == pk:
            services.put_on(asked.actor, row, entity=LOOSE, pk=0)
        for link in Stored.objects.filter(kind=LINK, key=f"{plural}:{pk}:{row.pk}", deleted_at=None):
            storing.unlink(asked.actor, link)
    return answers.made(asked, "files", [_told(row) for row in rows], status=202)


def links(asked: Asked, uuid: str) -> HttpResponse:
    """What a file lies on, as far as the program may see it."""
    row = drive.find(asked.actor, uuid)
    found = [] if row.entity == LOOSE else [(names.PLURALS[row.entity], row.record_id)]
    found += [(link.body["entity_type"], link.body["entity_id"]) for link in Stored.objects.filter(kind=LINK, parent_id=row.pk, deleted_at=None).order_by("pk")]
    customers = set(storing.rows(asked.actor, "customer").filter(pk__in=[pk for plural, pk in found if plural == _CUSTOMERS]).values_list("pk", flat=True))
    seen = {plural: visible(asked.actor, collections.find(plural), [pk for one, pk in found if one == plural]) for plural in {plural for plural, _pk in found} - {_CUSTOMERS}}
    seen[_CUSTOMERS] = customers
    told = [{"entity_id": pk, "entity_type": plural, "_links": answers.href(asked, f"{plural}/{pk}")} for plural, pk in found if pk in seen[plural]]
    return answers.page(asked, "links", told)
