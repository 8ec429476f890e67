"""What /healthz says of the databases of workspaces: one that is down harms its own workspaces alone, so the process stays ready."""

from __future__ import annotations

import psycopg
from django.conf import settings
from django.db import Error, connections

from crm_platform.db import silence
from crm_platform.kernel import effort
from crm_platform.kernel.effort import Effort
from crm_platform.kernel.http import health


@health.check("workspaces")
def databases() -> str:
    """ "ok", or the databases that do not answer."""
    silent = [cell for cell in settings.CELLS if not _answers(cell)]
    return f"unreachable: {', '.join(silent)}" if silent else "ok"


def _answers(cell: str) -> bool:
    try:
        with effort.use(Effort.TYPING), silence.within(silence.ASKING):
            silence.refuse(cell)
            with connections[cell].cursor() as cursor:
                cursor.execute("SELECT 1")
            silence.heard(cell)
    except (Error, psycopg.Error):
        connections[cell].close()
        return False
    return True
