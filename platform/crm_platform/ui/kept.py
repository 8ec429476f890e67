"""Parts of the shell that stay the same from page to page, kept as markup in the process.

The key holds everything they are drawn from; only the form's token differs from request to request, and is put in afterwards.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Any

from django.template.context import Context
from django.template.loader import get_template
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from crm_platform.kernel import workspace

from . import places
from .markup import form_token

MOST = 4000
_TOKEN = "token-of-the-form-0000000000000000"  # noqa: S105 (a place to put one)
_kept: OrderedDict[tuple[Any, ...], str] = OrderedDict()
_lock = Lock()


def part(context: Context, template: str) -> SafeString:
    """The markup of a part of the shell."""
    request = context["request"]
    key = (template, *_key(context, template))
    with _lock:
        html = _kept.get(key)
    if html is None:
        with context.push(csrf_token=_TOKEN):
            compiled: Any = get_template(template)
            html = compiled.template.render(context)
        with _lock:
            _kept[key] = html
            if len(_kept) > MOST:
                _kept.popitem(last=False)
    return mark_safe(html.replace(_TOKEN, form_token(request)) if _TOKEN in html else html)  # noqa: S308 (rendered by a template, which escapes)


def _key(context: Context, template: str) -> tuple[Any, ...]:
    person, rail = context["request"].user, context["rail"]
    drawn = tuple((row["place"].name, row["count"], row["due"], row["current"]) for row in rail)
    match = context["request"].resolver_match
    here = match.url_name if template == "ui/_settings_nav.html" and match else ""
    return here, person.role_id, workspace.prefix(), get_language(), context["firm"].firm, person.pk, person.name, person.hue, drawn, context["actor"].read_only, places.notice(), bool(context.get("may_plan")), bool(context.get("settings_here"))
