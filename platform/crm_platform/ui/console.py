"""The pages of the operators' console: who owns one registers it, the frame only draws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.utils.functional import _StrPromise


@dataclass(frozen=True, slots=True)
class ConsolePage:
    """One entry of the console's rail; `also` names the pages behind it, `count` gives a figure and whether it is due (red)."""

    label: str | _StrPromise
    icon: str
    url_name: str
    order: int
    also: tuple[str, ...] = ()
    count: Callable[[], tuple[int, bool]] | None = None
    phone: bool = False


_pages: dict[str, ConsolePage] = {}


def register(page: ConsolePage) -> None:
    """Add a page to the console."""
    _pages[page.url_name] = page


def rail(request: HttpRequest) -> list[dict[str, Any]]:
    """The pages in order, the present one marked."""
    name = request.resolver_match.url_name if request.resolver_match else ""
    drawn = []
    for page in sorted(_pages.values(), key=lambda page: page.order):
        count, due = page.count() if page.count else (0, False)
        drawn.append({"page": page, "current": name == page.url_name or name in page.also, "count": count, "due": due})
    return drawn
