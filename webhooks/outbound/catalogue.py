"""What can be subscribed to, by amoCRM's setting names; whoever owns the noun says which events each means."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crm_platform.events.models import Event

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


@dataclass(frozen=True, slots=True)
class Setting:
    """One name of a subscription ("update_lead"). Without `events` it is taken and kept, but nothing of it happens here yet.

    `matches` narrows: a change of the person responsible. `beneath` says that the thing lies on another record (a note on
    its deal), after which it has to come.
    """

    name: str
    label: str | _StrPromise
    group: str | _StrPromise
    events: tuple[str, ...] = ()
    matches: Callable[[Event], bool] = lambda event: True
    beneath: bool = False


_settings: dict[str, Setting] = {}


def register(*settings: Setting) -> None:
    """Add settings; the same name twice is a mistake, but for one that had no events."""
    for setting in settings:
        known = _settings.get(setting.name)
        if known is not None and known.events and known != setting:
            raise ValueError(f"two settings named {setting.name}")
        _settings[setting.name] = setting


def known() -> frozenset[str]:
    """All names a subscription may have."""
    return frozenset(_settings)


def find(name: str) -> Setting | None:
    """The setting of that name."""
    return _settings.get(name)


def offered() -> dict[str, list[Setting]]:
    """Those that happen, by group, in the order of registration: for the form."""
    groups: dict[str, list[Setting]] = {}
    for setting in _settings.values():
        if setting.events:
            groups.setdefault(str(setting.group), []).append(setting)
    return groups


def events_of(names: Iterable[str]) -> frozenset[str]:
    """The names of the events that settings mean."""
    return frozenset(event for name in names if (setting := _settings.get(name)) for event in setting.events)


def settings_for(event: Event, among: Iterable[str]) -> list[str]:
    """Which of the settings an event is told under, in the order of registration."""
    wanted = set(among)
    return [name for name, setting in _settings.items() if name in wanted and event.name in setting.events and setting.matches(event)]


def records_of(event: Event, names: Iterable[str]) -> list[str]:
    """The records whose order an event keeps: its own, and the one it lies on."""
    beneath = any(_settings[name].beneath for name in names)
    return list(event.subjects[: 2 if beneath else 1]) or [event.subject]
