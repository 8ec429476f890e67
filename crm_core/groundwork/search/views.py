"""Search, as one types and as a page."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from crm_core.groundwork.records import registry
from crm_platform.kernel import effort, permissions
from crm_platform.kernel.permissions import Actor
from crm_platform.ui import responses
from crm_platform.ui.addresses import numbering

from . import drawing, queries
from .drawing import Act, Group, Line


@effort.typing
def as_one_types(request: HttpRequest) -> HttpResponse:
    """What stands in the palette's list."""
    actor, text = request.actor, request.GET.get("q", "")[:100].strip()  # type: ignore[attr-defined]
    return HttpResponse(drawing.found_lines(found(actor, text), _acts(actor), text))


def page(request: HttpRequest) -> HttpResponse:
    """The same as a page, for those without scripts and for links."""
    text = request.GET.get("q", "")[:100].strip()
    groups = found(request.actor, text, most=50)  # type: ignore[attr-defined]
    return responses.page(request, "search/page.html", groups=groups, text=text, nothing=bool(text) and not groups)


def found(actor: Actor, text: str, *, most: int = 12) -> Sequence[Group]:
    """The best matches, grouped by kind in the order of their best."""
    groups: dict[str, tuple[Group, Callable[[int], str]]] = {}
    for number, row in enumerate(queries.find(actor, text, most=most)):
        kind = registry.find(row.entity)
        group, url = groups.get(kind.code) or groups.setdefault(kind.code, (Group(kind.plural, kind.icon), numbering(kind.card)))
        group.rows.append(Line(number, row.title, kind.show_subtitle(row.subtitle), url(row.record_id)))
    return [group for group, _url in groups.values()]


def _acts(actor: Actor) -> list[Act]:
    language = get_language() or "en"
    return [_act(kind.code, language) for kind in registry.kinds() if permissions.may(actor, kind.entity.CREATE)]


@functools.lru_cache(maxsize=256)
def _act(code: str, language: str) -> Act:
    return Act(_("New: %(kind)s") % {"kind": str(registry.find(code).label).lower()}, f"/{_prefix(code)}/new", "plus")


def _prefix(code: str) -> str:
    return {"company": "companies"}.get(code, f"{code}s")
