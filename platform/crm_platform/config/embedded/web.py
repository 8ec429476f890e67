"""How the web server is started: gunicorn with threads, one thread a request."""

from __future__ import annotations

import sys

from .tls import Papers


def command(*, bind: str, workers: int, threads: int, tls: Papers | None = None) -> list[str]:
    """The command line of the web server; with papers it speaks TLS."""
    secured = ["--certfile", str(tls.certificate), "--keyfile", str(tls.key)] if tls else []
    return [
        sys.executable, "-m", "gunicorn", "crm_platform.config.wsgi:application",
        "--bind", bind, "--workers", str(workers), "--worker-class", "crm_platform.config.embedded.patience.PatientWorker", "--threads", str(threads),
        "--timeout", "60", "--graceful-timeout", "15", "--keep-alive", "15", "--max-requests", "20000",
        "--max-requests-jitter", "2000", "--no-control-socket", "--access-logfile", "/dev/null", "--preload", *secured,
    ]  # fmt: skip
