"""Short links: addresses of ours that lead elsewhere."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_safe

from crm_core.doors.amocrm import storing
from crm_core.doors.amocrm.models import Stored
from crm_core.doors.amocrm.records import collections
from crm_core.doors.amocrm.records.taking import visible
from crm_core.doors.amocrm.resources.account import account_id
from crm_core.doors.amocrm.wire import answers
from crm_core.doors.amocrm.wire.asking import Asked
from crm_core.doors.amocrm.wire.fields import Item, items_of, settle
from crm_platform.accounts.middleware import open_to_all
from crm_platform.kernel import ids
from crm_platform.kernel.errors import NotFound

LINK = "short_link"


def make(asked: Asked) -> HttpResponse:
    """Make short links, all of them or none; each may belong to a contact."""
    items = items_of(asked.items)
    wanted = [_read(asked, item) for item in items]
    settle(items)
    rows = storing.add(asked.actor, LINK, [{"key": ids.random_id(10), "body": body} for body in wanted])
    told: list[dict[str, Any]] = [
        {
            "url": f"{asked.base}/l/{row.key}", "account_id": account_id(), "entity_id": row.body["entity_id"], "entity_type": row.body["entity_type"],
            "request_id": item.request_id, "_links": {"self": {"href": f"{asked.base}/l/{row.key}"}},
        }
        for row, item in zip(rows, items, strict=True)
    ]  # fmt: skip
    return answers.made(asked, "short_links", told, _total_items=len(told))


def _read(asked: Asked, item: Item) -> dict[str, Any]:
    url, said = item.text("url", most=2000), item.beneath("metadata")
    if not _leads_out(url):
        item.fault("url", "This value is not a valid URL.", code="InvalidValue")
    pk, kind = said.whole("entity_id"), said.text("entity_type")
    if pk is not None and (kind not in ("", "contacts") or pk not in visible(asked.actor, collections.CONTACTS, [pk])):
        said.fault("entity_id", "The value you selected is not a valid choice.", code="NotSupportedChoice")
    return {"url": url, "entity_id": pk, "entity_type": "contacts" if pk is not None else None}


def _leads_out(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not any(letter.isspace() or ord(letter) < 33 for letter in url)


@open_to_all
@require_safe
def follow(request: HttpRequest, code: str) -> HttpResponse:
    """Lead whoever opens a short link to where it goes."""
    url = Stored.objects.filter(kind=LINK, key=code, deleted_at=None).values_list("body__url", flat=True).first()
    if url is None:
        raise NotFound
    response = HttpResponseRedirect(url)
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    return response
