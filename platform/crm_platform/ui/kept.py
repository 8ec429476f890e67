"""Parts of the shell that stay the same from page to page, kept as markup in the process.

The key holds everything they are drawn from; only the form's token differs from request to request, and is put in afterwards.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Any

from django.template.context import Context
from django.template.loader import get_template
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from crm_platform.kernel import workspace

from . import places
from .markup import form_token

_TOKEN = "token-of-the-form-0000000000000000"  # noqa: S105 (a place to put one)


class Kept:
    """At most so many pieces of markup, the oldest let go first. A key holds everything its piece is drawn from."""

    def __init__(self, most: int) -> None:
        self.most, self.pieces, self._lock = most, OrderedDict[tuple[Any, ...], str](), Lock()

    def get(self, key: tuple[Any, ...], draw: Callable[[], str]) -> str:
        """The piece, drawn where it is not there. Raises TypeError for a key that cannot be one."""
        with self._lock:
            html = self.pieces.get(key)
        if html is None:
            html = draw()
            with self._lock:
                self.pieces[key] = html
                if len(self.pieces) > self.most:
                    self.pieces.popitem(last=False)
        return html


_parts = Kept(4000)


def part(context: Context, template: str) -> SafeString:
    """The markup of a part of the shell."""
    request = context["request"]

    def draw() -> str:
        with context.push(csrf_token=_TOKEN):
            compiled: Any = get_template(template)
            return str(compiled.template.render(context))

    html = _parts.get((template, *_key(context, template)), draw)
    return mark_safe(html.replace(_TOKEN, form_token(request)) if _TOKEN in html else html)  # noqa: S308 (rendered by a template, which escapes)


def _key(context: Context, template: str) -> tuple[Any, ...]:
    person, rail = context["request"].user, context["rail"]
    drawn = tuple((row["place"].name, row["count"], row["due"], row["current"]) for row in rail)
    match = context["request"].resolver_match
    here = match.url_name if template == "ui/_settings_nav.html" and match else ""
    return here, person.role_id, workspace.prefix(), get_language(), context["firm"].firm, person.pk, person.name, person.hue, drawn, context["actor"].read_only, places.notice(), bool(context.get("may_plan")), bool(context.get("settings_here"))
