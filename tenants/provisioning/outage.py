"""Databases of workspaces that did not answer this process just now: no new workspace goes there until a while is over.

A firm that signs up has no workspace yet, so a database that is down need not be its trouble. Of each process alone: it costs
nothing to ask, and every process finds out by itself.
"""

from __future__ import annotations

import time

from django.conf import settings

# Seconds until it is tried again.
FOR = 30.0
_silent: dict[str, float] = {}


def note(alias: str) -> None:
    """It did not answer; where it is the only one, there is nothing to choose."""
    if len(settings.CELLS) > 1:
        _silent[alias] = time.monotonic()


def aliases() -> list[str]:
    """Those that did not answer lately."""
    now = time.monotonic()
    return [alias for alias, since in list(_silent.items()) if now - since < FOR]


def any_answers() -> bool:
    """Whether there is a database for new workspaces that has not just been silent."""
    return bool(set(settings.CELLS) - {settings.CITUS} - set(aliases()))


def forget() -> None:
    """All answer again."""
    _silent.clear()
