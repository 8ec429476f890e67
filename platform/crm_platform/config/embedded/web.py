"""How the web server is started: gunicorn with threads, one thread a request."""

from __future__ import annotations

import sys


def command(*, bind: str, workers: int, threads: int) -> list[str]:
    """The command line of the web server."""
    return [
        sys.executable, "-m", "gunicorn", "crm_platform.config.wsgi:application",
        "--bind", bind, "--workers", str(workers), "--worker-class", "crm_platform.config.embedded.patience.PatientWorker", "--threads", str(threads),
        "--timeout", "60", "--graceful-timeout", "15", "--keep-alive", "15", "--max-requests", "20000",
        "--max-requests-jitter", "2000", "--no-control-socket", "--access-logfile", "/dev/null", "--preload",
    ]  # fmt: skip
