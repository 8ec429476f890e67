"""Components: templates with declared attributes. A missing or unknown attribute stops the page."""

from __future__ import annotations

from typing import Any

from django import template
from django.template import TemplateSyntaxError
from django.template.context import Context
from django.template.loader import get_template
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from crm_platform.kernel import workspace

from .kept import Kept

_steady: set[str] = set()
_kept = Kept(8000)
_declared: dict[str, tuple[frozenset[str], frozenset[str]]] = {}


def declare(library: template.Library, name: str, *, required: tuple[str, ...] = (), optional: tuple[str, ...] = (), steady: bool = False) -> None:
    """A component without content: `{% name title="…" %}` renders ui/components/name.html.

    A `steady` one is drawn of nothing but its attributes and never shows a secret: it is drawn once in a process.
    """
    _keep(name, required=required, optional=optional)
    if steady:
        _steady.add(name)

    def tag(context: Context, **attributes: Any) -> SafeString:
        return _render(name, context, attributes)

    library.simple_tag(tag, takes_context=True, name=name)


def declare_block(library: template.Library, name: str, *, required: tuple[str, ...] = (), optional: tuple[str, ...] = ()) -> None:
    """A component around content: `{% name title="…" %}…{% endname %}`; the template has it as `content`."""
    _keep(name, required=required, optional=optional)

    def tag(context: Context, content: str, **attributes: Any) -> SafeString:
        return _render(name, context, attributes | {"content": content})

    library.simple_block_tag(tag, takes_context=True, name=name)


def declared() -> dict[str, tuple[frozenset[str], frozenset[str]]]:
    """All components: name → (required, optional) attributes."""
    return dict(_declared)


def _keep(name: str, *, required: tuple[str, ...], optional: tuple[str, ...]) -> None:
    _declared[name] = (frozenset(required), frozenset(optional))


def _render(name: str, context: Context, attributes: dict[str, Any]) -> SafeString:
    required, optional = _declared[name]
    given = frozenset(attributes) - {"content"}
    if missing := required - given:
        raise TemplateSyntaxError(f"{name} lacks {', '.join(sorted(missing))}")
    if unknown := given - required - optional:
        raise TemplateSyntaxError(f"{name} does not know {', '.join(sorted(unknown))}")
    values = dict.fromkeys(optional, "") | attributes
    if name not in _steady:
        return _drawn(name, values, context)
    key = (name, workspace.prefix(), get_language(), *((attribute, type(value), _said(value)) for attribute, value in values.items()))
    try:
        hash(key)
    except TypeError:  # a value that cannot be a key
        return _drawn(name, values, context)
    return SafeString(_kept.get(key, lambda: _drawn(name, values, context)))


def _said(value: Any) -> Any:
    """A value as it stands in a key: a sentence to be translated has another hash in each language, its text has not."""
    return str(value) if isinstance(value, Promise) else value


def _drawn(name: str, values: dict[str, Any], context: Context) -> SafeString:
    with context.push(**values):
        compiled: Any = get_template(f"ui/components/{name}.html")
        return SafeString(compiled.template.render(context))
