"""What stands in the palette's list as markup, made in Python: it is asked for with every letter typed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from crm_platform.ui.icons import icon
from crm_platform.ui.markup import esc


@dataclass(frozen=True, slots=True)
class Line:
    """A match as it is shown; `number` counts over all groups, for the keyboard."""

    number: int
    title: str
    subtitle: str
    url: str


@dataclass(frozen=True, slots=True)
class Group:
    """The matches of one kind, the best first."""

    label: Any
    icon: str
    rows: list[Line] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Act:
    """Something one may do instead of opening a match."""

    label: str
    url: str
    icon: str


def found_lines(groups: Sequence[Group], acts: Sequence[Act], text: str) -> SafeString:
    """The groups of matches, or that there are none, and what one may do; `text` is what was looked for."""
    parts = [_group(group.label, "".join(_match(group, one) for one in group.rows)) for group in groups]
    if text and not groups:
        said = _("Nothing is called “%(text)s”. Part of a name, a phone in any notation or an e-mail will do.") % {"text": text}
        parts.append(f'<p class="palette__none second" role="option" aria-disabled="true" aria-selected="false">{esc(said)}</p>')
    if text:
        parts.append(_group(_("Do"), "".join(_line(f"act-{number}", act.url, icon(act.icon), act.label) for number, act in enumerate(acts, 1))))
    return SafeString("".join(parts))


def _group(label: Any, lines: str) -> str:
    said = esc(label)
    return f'<div role="group" aria-label="{said}"><p class="menu__head" role="presentation">{said}</p>{lines}</div>'


def _match(group: Group, one: Line) -> str:
    aside = f'<span class="small quiet nowrap">{esc(one.subtitle)}</span>'
    return _line(f"found-{one.number}", one.url, icon(group.icon, "", "quiet"), one.title, aside)


def _line(key: str, url: str, sign: str, label: str, aside: str = "") -> str:
    return f'<a class="palette__item" role="option" id="{key}" aria-selected="false" tabindex="-1" href="{esc(url)}">{sign}<span class="grow cut">{esc(label)}</span>{aside}</a>'
