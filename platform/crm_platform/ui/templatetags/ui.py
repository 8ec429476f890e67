"""The tags of every template: components, icons, fields, figures, the import map."""

from __future__ import annotations

import functools
import json
import secrets
from datetime import datetime, timedelta
from typing import Any

from django import template
from django.conf import settings
from django.forms import BoundField
from django.http import QueryDict
from django.template.context import Context
from django.templatetags.static import static
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext

from crm_platform.kernel import clock
from crm_platform.kernel.countries import name_of
from crm_platform.ui import fields
from crm_platform.ui import kept as kept_parts
from crm_platform.ui.components import declare, declare_block
from crm_platform.ui.icons import icon
from crm_platform.ui.markup import figure, fill, options
from crm_platform.ui.pager import pager
from crm_platform.ui.telling import sum_of, when

register = template.Library()

# Bare names that modules import, and the files behind them.
MODULES = {
    "sortablejs": "ui/vendor/sortable-1.15.7.esm.js",
    "echarts": "ui/vendor/echarts-6.1.0.esm.min.js",
}

declare(register, "button", required=("label",), optional=("icon", "tone", "size", "type", "name", "value", "form", "disabled"))
declare(register, "link_button", required=("label", "href"), optional=("icon", "tone", "size", "phone_icon_only"))
declare(register, "badge", required=("label",), optional=("tone", "icon"), steady=True)
declare(register, "copyable", required=("value",))
declare(register, "tag_chip", required=("label",), optional=("hue",), steady=True)
declare(register, "banner", required=("sentence",), optional=("tone", "href", "link", "icon"))
declare(register, "empty", required=("title",), optional=("sentence", "href", "label", "icon"))
declare(register, "progress_bar", required=("value", "most", "label"), optional=("thin", "tone"), steady=True)
declare(register, "usage_bar", required=("label", "used", "limit"), optional=("percent", "tone", "note"), steady=True)
declare_block(register, "panel", required=("title",), optional=("id", "tone", "icon", "hint"))
declare_block(register, "dialog", required=("id", "title"))
declare_block(register, "menu", required=("id", "label"), optional=("icon", "end"))


register.simple_tag(icon)
register.simple_tag(pager)
register.filter(figure)
register.filter("country", name_of)
register.simple_tag(sum_of)
register.simple_tag(when)


@register.simple_tag
def mark() -> SafeString:
    """The product's sign."""
    return fill('<span class="mark"><svg viewBox="0 0 28 28" aria-hidden="true"><use href="{}#mark"/></svg></span>', static("ui/icons/icons.svg"))


@register.simple_tag
def avatar(person: Any, *, named: bool = False) -> SafeString:
    """A person's round sign; `named` where the name stands beside it, so that it is not read twice."""
    if person is None:
        nobody = gettext("Nobody is responsible")
        return fill('<span class="avatar avatar--none" role="img" aria-label="{0}" title="{0}">?</span>', nobody)
    return _avatar(person.hue, person.name, person.initials, named)


@functools.lru_cache(maxsize=4096)
def _avatar(hue: int, name: str, initials: str, named: bool) -> SafeString:
    if named:
        return fill('<span class="avatar" data-hue="{}" aria-hidden="true">{}</span>', hue, initials)
    return fill('<span class="avatar" data-hue="{0}" role="img" aria-label="{1}" title="{1}">{2}</span>', hue, name, initials)


@register.simple_tag
def field(bound: BoundField, **wish: Any) -> SafeString:
    """A form's field: `{% field form.name label_hidden=True hx_get=address %}`."""
    return fields.draw(bound, **wish)


@register.simple_tag
def own_language_names() -> list[tuple[str, str]]:
    """The languages with code, each called as its own people call it: Django would translate "English"."""
    return [(code, str(name)) for code, name in settings.LANGUAGES]


@register.simple_tag(takes_context=True)
def form_fields(context: Context, form: Any) -> SafeString:
    """All fields of a form, its general errors first."""
    return fields.draw_all(form, may_plan=bool(context.get("may_plan")))


@register.simple_tag(takes_context=True)
def plan_way_out(context: Context) -> SafeString:
    """What leads on where the plan is full."""
    return fields.plan_way_out(bool(context.get("may_plan")))


register.simple_tag(options)


@register.simple_tag(takes_context=True)
def kept(context: Context, template: str) -> SafeString:
    """A part of the shell that stays the same from page to page."""
    return kept_parts.part(context, template)


@register.simple_tag
def once() -> SafeString:
    """A hidden number that makes a form sent twice be done once."""
    return fill('<input type="hidden" name="once" value="{}">', secrets.token_urlsafe(12))


@register.simple_tag(takes_context=True)
def import_map(context: Context) -> SafeString:
    """The only inline script of a page: bare module names to hashed addresses, allowed by the policy's nonce."""
    return fill('<script type="importmap" nonce="{}">{}</script>', context.get("csp_nonce", ""), _imports())


@functools.cache
def _imports() -> SafeString:
    return SafeString(json.dumps({"imports": {name: static(path) for name, path in MODULES.items()}}))


@register.filter
def days_ago(moment: datetime | None) -> str:
    """How many days lie between a moment and now: "new", "5 d"."""
    if moment is None:
        return ""
    days = (clock.now() - moment) // timedelta(days=1)
    return gettext("new") if days < 1 else ngettext("%(days)d d", "%(days)d d", days) % {"days": days}


@register.simple_tag(takes_context=True)
def with_query(context: Context, **changes: Any) -> str:
    """This page's address with some parameters changed (None takes one off); the page number starts anew."""
    query: QueryDict = context["request"].GET.copy()
    query.pop("page", None)
    for name, value in changes.items():
        if value is None:
            query.pop(name, None)
        else:
            query[name] = str(value)
    text = query.urlencode()
    return f"?{text}" if text else "?"


@register.simple_tag(takes_context=True)
def without_value(context: Context, name: str, value: str) -> str:
    """This page's address without one value of a parameter that may repeat."""
    query: QueryDict = context["request"].GET.copy()
    query.pop("page", None)
    query.setlist(name, [kept for kept in query.getlist(name) if kept != value])
    text = query.urlencode()
    return f"?{text}" if text else "?"


@register.filter
def get(mapping: Any, key: Any) -> Any:
    """A value of a mapping by a key that is a variable; nothing where it has none."""
    return mapping.get(key, "") if hasattr(mapping, "get") else ""
