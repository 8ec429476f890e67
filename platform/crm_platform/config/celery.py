"""The worker's entry: Django first, then the one task."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm_platform.config.settings.production")
django.setup()

from celery.signals import task_postrun, worker_init  # noqa: E402
from django.conf import settings  # noqa: E402
from django.db import close_old_connections  # noqa: E402

from crm_platform.jobs.broker import app  # noqa: E402

__all__ = ["app"]
_leaving: list[bool] = []
# Who waits for an answer comes before what is done behind it, where both share a machine: so many steps a worker stands back.
_STEPS_BACK = 5


@worker_init.connect
def _stand_back(**_given: object) -> None:
    os.nice(_STEPS_BACK)


@task_postrun.connect
def _tidy(**_given: object) -> None:
    """Connections grow old in workers too; and a worker that has grown beyond its memory ends when its tasks are done, to be started again."""
    close_old_connections()
    if not _leaving and _grown():
        _leaving.append(True)
        os.kill(os.getpid(), signal.SIGTERM)


def _grown() -> bool:
    """Threads cannot be replaced one by one, so the whole process goes by its resident memory (Linux tells it)."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return False
    return pages * os.sysconf("SC_PAGE_SIZE") > settings.CRM_WORKER_MEMORY * 2**20
