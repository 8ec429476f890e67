"""The named moments between two steps of long work: where a kill must leave nothing half.

Which of them a process dies at is said by KILLED_AT, a setting of the tests alone: a server refuses to start with its variable.
"""

from __future__ import annotations

import os
import signal

from django.conf import settings


def reached(name: str) -> None:
    """Nothing, but in a process of the fault tests that is to die here."""
    if name == getattr(settings, "KILLED_AT", ""):
        die()


def die() -> None:
    """As `kill -9` does it: nothing is tidied up, nothing is rolled back by our own hands."""
    os.kill(os.getpid(), signal.SIGKILL)
