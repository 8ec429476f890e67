"""What the keeper does for workspaces in every round, and the scheduler every minute."""

from __future__ import annotations

from . import checking, erasing, renaming, telling


def keep() -> None:
    """A round of the keeper: erase what is due or was cut short, tell workspaces what they were not told."""
    erasing.erase_due()
    telling.tell_the_rest()


def look_after_addresses() -> None:
    """The scheduler's part: records of own hosts, and old addresses whose time is over."""
    checking.ask_due()
    renaming.free_old()
