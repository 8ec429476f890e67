"""The lines of a history as markup, made in Python: a card has thirty, each with a form for every field that can be put back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from crm_platform.ui.addresses import numbered
from crm_platform.ui.icons import icon
from crm_platform.ui.markup import esc, once_only
from crm_platform.ui.telling import when

from .describing import Difference, Entry

Acts = Callable[[HttpRequest, Entry], SafeString]
_acts: dict[str, Acts] = {}


def offers(name: str) -> Callable[[Acts], Acts]:
    """Register what one may do, on a card, with what an event of that name tells of."""

    def keep(function: Acts) -> Acts:
        _acts[name] = function
        return function

    return keep


def lines(request: HttpRequest, entries: Sequence[Entry], *, back: str, opened: bool = False, acts: bool = False) -> SafeString:
    """Entries in order; `back` is where putting back returns to, `opened` shows before and after at once, `acts` what one may do."""
    for entry in entries if acts else ():
        if entry.event.name in _acts:
            entry.acts = _acts[entry.event.name](request, entry)
    return SafeString("".join(_line(request, entry, back, opened=opened) for entry in entries))


def _line(request: HttpRequest, entry: Entry, back: str, *, opened: bool) -> str:
    slim = "" if entry.body or entry.differences else " event--slim"
    tone = f" event__sign--{entry.tone}" if entry.tone else ""
    body = f'<div class="event__card{" event__card--note" if entry.note else ""}">{esc(entry.body)}{entry.acts}</div>' if entry.body else ""
    return (
        f'<article class="event{slim}"><span class="event__sign{tone}">{icon(entry.icon)}</span><div><p class="event__head"><span>{esc(entry.sentence)}{": " if entry.about else ""}{entry.about}</span>{when(entry.event.at)}</p>'
        f"{body}{_differences(request, entry, back, opened=opened)}</div></article>"
    )


def _differences(request: HttpRequest, entry: Entry, back: str, *, opened: bool) -> str:
    if not entry.differences:
        return ""
    rows = "".join(_difference(request, entry, one, back) for one in entry.differences)
    return f'<details class="event__more"{" open" if opened else ""}><summary class="small quiet">{esc(_("Before and after"))}</summary><dl class="facts small">{rows}</dl></details>'


def _difference(request: HttpRequest, entry: Entry, one: Difference, back: str) -> str:
    form = ""
    if one.put_back and entry.may_edit:
        form = (
            f' <form class="inline" method="post" action="{numbered("put-back", entry.event.pk)}">{once_only(request)}<input type="hidden" name="field" value="{esc(one.name)}">'
            f'<input type="hidden" name="next" value="{esc(back)}"><button class="btn btn--quiet btn--sm" type="submit">{icon("undo-2")}{esc(_("Put back"))}</button></form>'
        )
    return f'<dt>{esc(one.label)}</dt><dd><del class="quiet">{esc(one.before or "–")}</del> → {esc(one.after or "–")}{form}</dd>'
