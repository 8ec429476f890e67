"""Search, as one types and as a page."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from crm_core.groundwork.records import registry
from crm_platform.kernel import permissions
from crm_platform.kernel.permissions import Actor
from crm_platform.ui import responses

from . import queries


def as_one_types(request: HttpRequest) -> HttpResponse:
    """What stands in the palette's list."""
    text = request.GET.get("q", "")[:100]
    return responses.fragment(request, "search/_found.html", **found(request.actor, text))  # type: ignore[attr-defined]


def found(actor: Actor, text: str, *, most: int = 12) -> dict[str, Any]:
    """Groups of matches by kind, and what one may do with the text."""
    rows = queries.find(actor, text, most=most)
    groups: dict[str, dict[str, Any]] = {}
    for number, row in enumerate(rows):
        kind = registry.find(row.entity)
        group = groups.setdefault(kind.code, {"label": kind.plural, "icon": kind.icon, "rows": []})
        group["rows"].append({"row": row, "subtitle": kind.show_subtitle(row.subtitle), "url": kind.url(row.record_id), "number": number})
    return {"groups": groups.values(), "text": text.strip(), "nothing": bool(text.strip()) and not rows, "acts": _acts(actor)}


def _acts(actor: Actor) -> list[dict[str, str]]:
    return [
        {"label": _("New: %(kind)s") % {"kind": str(kind.label).lower()}, "url": f"/{_prefix(kind.code)}/new", "icon": "plus"}
        for kind in registry.kinds()
        if permissions.may(actor, kind.entity.CREATE)
    ]


def _prefix(code: str) -> str:
    return {"company": "companies"}.get(code, f"{code}s")


def page(request: HttpRequest) -> HttpResponse:
    """The same as a page, for those without scripts and for links."""
    text = request.GET.get("q", "")[:100]
    return responses.page(request, "search/page.html", **found(request.actor, text, most=50))  # type: ignore[attr-defined]
