"""Children: started in a group of their own, ended with us whatever ends us, their output in a rotated log."""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

LOG_BYTES = 20 * 1024 * 1024
_PR_SET_PDEATHSIG = 1


def _before_exec(user: pwd.struct_passwd | None, last_signal: int) -> Callable[[], None]:
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    parent = os.getpid()

    def prepare() -> None:
        if user is not None:
            os.setgroups([])
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)
        if libc is not None:
            # A killed parent must not leave servers behind that hold the data folder; asked after the change of user,
            # since that change forgets it.
            libc.prctl(_PR_SET_PDEATHSIG, last_signal)
            if os.getppid() != parent:
                os._exit(1)

    return prepare


def start(
    command: Sequence[str | Path],
    *,
    log: Path,
    environment: Mapping[str, str] | None = None,
    user: pwd.struct_passwd | None = None,
    folder: Path | None = None,
    last_signal: int = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own; `last_signal` is what it gets from the kernel if we die."""
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_suffix(".old.log"))
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 (our own programs)
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environment) if environment is not None else None,
            cwd=folder,
            start_new_session=True,
            preexec_fn=_before_exec(user, last_signal),
        )


def stop(child: subprocess.Popen[bytes], *, kind: int = signal.SIGTERM, patience: float = 20.0) -> None:
    """Ask a child to end, wait, then end its whole group."""
    if child.poll() is None:
        child.send_signal(kind)
        try:
            child.wait(patience)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait(5)


def last_lines(log: Path, *, count: int = 5) -> str:
    """The end of a log, for the sentence that says why a child did not start."""
    if not log.exists():
        return ""
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return "\n".join(lines[-count:])
