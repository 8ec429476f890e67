"""What the firm chose, asked from below: time zone, currency, first day of the week. `tenants` answers inside workspaces."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.utils import timezone, translation


@dataclass(frozen=True, slots=True)
class Preferences:
    """`time_zone` is an IANA name, `first_weekday` 0 for Sunday or 1 for Monday, `currency` ISO 4217, `country` ISO 3166.

    `first_steps` says whether the list of first steps is still offered.
    """

    firm: str = ""
    language: str = "en"
    time_zone: str = "UTC"
    first_weekday: int = 1
    currency: str = "EUR"
    country: str = ""
    first_steps: bool = False


_reader: Callable[[], Preferences] | None = None


def answer(reader: Callable[[], Preferences]) -> None:
    """Name who knows (`tenants.inside`, once, at start-up)."""
    global _reader
    _reader = reader


def here() -> Preferences:
    """The preferences of the workspace we are in; the defaults on the control side."""
    return _reader() if _reader else Preferences()


def zone() -> ZoneInfo:
    """The firm's time zone: its days and hours are everybody's."""
    return ZoneInfo(here().time_zone)


@contextmanager
def local_time() -> Iterator[None]:
    """The firm's time zone for the block: "today" is the firm's day in pages, jobs and commands alike."""
    with timezone.override(zone()):
        yield


@contextmanager
def as_firm(firm: Preferences) -> Iterator[None]:
    """For the block its time zone, and its language: for what nobody looks at while it is written, and the firm reads later (a job's notes and tasks)."""
    with timezone.override(ZoneInfo(firm.time_zone)), translation.override(firm.language):
        yield
