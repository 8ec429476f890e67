"""The parts of a list that hold much and change little, as markup made in Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from crm_platform.ui.icons import icon
from crm_platform.ui.markup import esc, figure, options
from crm_platform.ui.paging import Page

MOST_AT_ONCE = 1000


def bulk_bar(page: Page[Any], may: Mapping[str, bool], people: Sequence[tuple[int, str]]) -> SafeString:
    """What one may do with the chosen rows; hidden until one is chosen."""
    every = ""
    if len(page.rows) < page.total:
        some = min(page.total, MOST_AT_ONCE)
        figures = {"n": figure(some), "all": figure(page.total)}
        label = _("Choose all %(n)s") % figures if some == page.total else _("Choose %(n)s of %(all)s") % figures
        every = f'<button class="btn btn--quiet btn--sm" type="button" data-bulk-everything="{some:d}">{esc(label)}</button>'
    return SafeString(
        f'<div class="bulk" role="region" aria-label="{esc(_("What to do with the chosen"))}" data-bulk-bar hidden>'
        f'<span class="strong"><span data-bulk-count>0</span> {esc(_("chosen"))}</span>{every}<span class="push only-desk"></span>'
        f"{_changes(people) if may['edit'] else ''}{_binning() if may['delete'] else ''}</div>"
    )


def _changes(people: Sequence[tuple[int, str]]) -> str:
    tag = esc(_("Tag"))
    return (
        f'<label class="sr" for="bulk-responsible">{esc(_("Responsible"))}</label><select class="input input--sm" id="bulk-responsible" name="responsible">'
        f'<option value="">{esc(_("Nobody"))}</option>{options(people)}</select>'
        f'<button class="btn btn--quiet btn--sm" name="verb" value="responsible">{icon("user")}{esc(_("Make responsible"))}</button>'
        f'<label class="sr" for="bulk-tags">{esc(_("Tags"))}</label><input class="input input--sm only-desk" id="bulk-tags" name="tags" placeholder="{tag}">'
        f'<button class="btn btn--quiet btn--sm only-desk" name="verb" value="tag">{icon("tag")}{tag}</button>'
    )


def _binning() -> str:
    return (
        f'<button class="btn btn--quiet btn--bad btn--sm" name="verb" value="bin">{icon("trash-2")}'
        f'{esc(_("Move"))} <span data-bulk-count>0</span> {esc(_("to the bin"))}</button>'
    )
