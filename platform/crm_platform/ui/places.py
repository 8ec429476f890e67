"""The places of a workspace: what stands in the rail. Features register theirs; the shell only draws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crm_platform.kernel.permissions import Actor, Right, as_ever, may

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


@dataclass(frozen=True, slots=True)
class Place:
    """One entry: `count` gives a figure and whether it is due (red), from the actor; `phone` shows it at the foot too."""

    name: str
    label: str | _StrPromise
    icon: str
    url_name: str
    order: int
    right: Right | None = None
    count: Callable[[Actor], tuple[int, bool]] | None = None
    phone: bool = False


_places: dict[str, Place] = {}
_notice: Callable[[], int] = lambda: 0  # noqa: E731


def answer_notice(notice: Callable[[], int]) -> None:
    """Name who has something to say at the foot of the rail (billing: days left of the trial)."""
    global _notice
    _notice = notice


def notice() -> int:
    """The number that the notice at the foot of the rail depends on; 0 for none."""
    return _notice()


def register(place: Place) -> None:
    """Add a place to the rail."""
    _places[place.name] = place


def for_actor(actor: Actor) -> list[Place]:
    """The places this person may go to, in order."""
    mine = [place for place in _places.values() if place.right is None or may(actor, place.right)]
    return sorted(mine, key=lambda place: place.order)


@dataclass(frozen=True, slots=True)
class SettingsPage:
    """One entry of the settings' menu; `also` names the pages behind it, on which it is the present one too."""

    label: str | _StrPromise
    icon: str
    url_name: str
    order: int
    right: Right | None = None
    also: tuple[str, ...] = ()


_settings: dict[str, SettingsPage] = {}


def register_settings(page: SettingsPage) -> None:
    """Add a page to the settings."""
    _settings[page.url_name] = page


def may_open(actor: Actor | None, url_name: str) -> bool:
    """Whether this person may open a page of the settings: for links that stand elsewhere."""
    page = _settings.get(url_name)
    return page is not None and actor is not None and (page.right is None or may(as_ever(actor), page.right))


def settings_for(actor: Actor) -> list[SettingsPage]:
    """The settings pages this person may open, in order: all of them while the workspace is read-only too, the way out is among them."""
    mine = [page for page in _settings.values() if page.right is None or may(as_ever(actor), page.right)]
    return sorted(mine, key=lambda page: page.order)
