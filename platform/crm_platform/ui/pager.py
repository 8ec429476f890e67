"""The foot of a list: which rows these are, how many a page has, the pages beside it. Made in Python: every list has one."""

from __future__ import annotations

from typing import Any

from django.http import QueryDict
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from .icons import icon
from .markup import esc, figure, hidden, options
from .paging import SIZES, Page


def pager(page: Page[Any], query: QueryDict) -> SafeString:
    """`query` is the address the list was asked by: the filters and the order stay, the page changes."""
    rows, wished = esc(_("Rows")), query.copy()
    wished.pop("page", None)
    address = f"?{esc(wished.urlencode())}&amp;" if wished else "?"
    wished.pop("rows", None)
    sizes = options([(size, size) for size in SIZES], page.size)
    stand = _("%(first)s–%(last)s of %(total)s") % {"first": figure(page.first), "last": figure(page.last), "total": figure(page.total)}
    number = _("Page %(number)s of %(pages)s") % {"number": figure(page.number), "pages": figure(page.pages)}
    return SafeString(
        f'<nav class="pager" aria-label="{esc(_("Pages"))}"><span>{esc(stand)}</span><form class="row" method="get">{hidden(wished)}'
        f'<label class="row"><span class="only-desk">{rows}</span><span class="sr only-phone">{rows}</span>'
        f'<select class="input input--sm" name="rows" aria-label="{esc(_("Rows on a page"))}" data-behaviour="autosubmit">{sizes}</select></label>'
        f'<noscript><button class="btn btn--sm" type="submit">{esc(_("Show"))}</button></noscript></form>'
        f'<span class="row push push-phone">{_arrow(address, page.previous, _("Previous page"), "chevron-left")}'
        f'<span class="nowrap">{esc(number)}</span>{_arrow(address, page.following, _("Next page"), "chevron-right")}</span></nav>'
    )


def _arrow(address: str, number: int | None, label: str, sign: str) -> str:
    where = f'href="{address}page={number:d}"' if number else 'aria-disabled="true" role="link"'
    return f'<a class="btn btn--sm btn--icon" {where} aria-label="{esc(label)}">{icon(sign)}</a>'
