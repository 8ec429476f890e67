"""A world to be broken: servers of its own on a throw-away folder, and processes that act on them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from crm_platform.config.embedded import postgres, redis, servers
from crm_platform.config.embedded.datafolder import DataFolder
from crm_platform.config.embedded.trouble import Trouble

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Ended:
    """How an act ended: by which signal (0: by itself), with what value or what trace."""

    signal: int
    value: Any
    error: str

    @property
    def killed(self) -> bool:
        """Whether it died as it was to die."""
        return self.signal == signal.SIGKILL


class Actors:
    """Processes that act on servers: `do` acts and must succeed, `kill` acts and must die at a point."""

    def __init__(self, addresses: Mapping[str, str], *, log: Path) -> None:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        self.log = log
        self.environment = {
            **kept, **addresses, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'platform'}",
            "DJANGO_SETTINGS_MODULE": "crm_platform.config.settings.test", "CRM_POOL_SIZE": "2", "CRM_LOG_LEVEL": "CRITICAL",
        }  # fmt: skip
        with self.log.open("ab") as output:
            self._mother = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.mortal"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=output, text=True, env=self.environment, cwd=ROOT
            )

    def act(self, name: str, *given: Any, at: str = "", victim: int = 0, settles: bool = False) -> Ended:
        """Let a process of its own do it."""
        assert self._mother.stdin
        assert self._mother.stdout
        self._mother.stdin.write(json.dumps({"act": name, "given": given, "at": at, "victim": victim, "settles": settles}) + "\n")
        self._mother.stdin.flush()
        line = self._mother.stdout.readline()
        assert line, self.log.read_text()[-3000:]
        told = json.loads(line)
        return Ended(told["signal"], told["answer"].get("value"), told["answer"].get("error", ""))

    def do(self, name: str, *given: Any) -> Any:
        """It does it, to its end."""
        return self._well(name, self.act(name, *given))

    def settles(self, name: str, *given: Any) -> None:
        """It does it, and then all of the world is whole."""
        self._well(name, self.act(name, *given, settles=True))

    def _well(self, name: str, ended: Ended) -> Any:
        assert not ended.signal, (name, ended.signal)
        assert not ended.error, ended.error
        return ended.value

    def kill(self, name: str, *given: Any, at: str) -> None:
        """It dies at the point, as `kill -9` does it."""
        ended = self.act(name, *given, at=at)
        assert ended.killed, f"{name} did not come to {at}: {ended.error or ended.signal}"

    def close(self) -> None:
        """The mother goes when nobody asks any more."""
        self._mother.communicate()


class World(Actors):
    """With servers of its own: `fell` acts while one of them dies at a point."""

    def __init__(self, started: servers.Servers) -> None:
        super().__init__(started.environment(), log=started.data.sub("logs") / "mortal.log")
        self.servers = started

    def fell(self, name: str, *given: Any, at: str, server: str) -> Ended:
        """A server is killed at the point; what acts there ends as it may, and the server is started again where it was."""
        child = (self.servers.postgres if server == "postgres" else self.servers.redis).child  # type: ignore[union-attr]
        ended = self.act(name, *given, at=at, victim=child.pid)
        assert not ended.signal, (name, ended.signal)
        assert child.wait(10) == -signal.SIGKILL, f"{name} did not come to {at}: {ended.error}"
        until = time.monotonic() + 90
        while time.monotonic() < until:
            try:
                return self._again(ended, server)
            except Trouble:  # a child of the dead one has not gone yet
                time.sleep(0.2)
        raise AssertionError(f"{server} did not come back")

    def _again(self, ended: Ended, server: str) -> Ended:
        data, before = self.servers.data, self.servers.postgres
        if server == "redis":
            self.servers.redis = redis.start(data)
        elif before is not None:
            self.servers.postgres = postgres.start(data, durable=False, at=(before.host, before.port))
        return ended


def _keep_commits(started: servers.Servers) -> None:
    """Each login's commits are in the kernel's hands before they are told: a killed server has lost none of them."""
    with psycopg.connect(started.environment()["DATABASE_OWNER_URL"], autocommit=True) as connection:
        for login in ("owner", "control", "app"):
            connection.execute(sql.SQL("ALTER ROLE {} SET synchronous_commit = on").format(sql.Identifier(login)))


@contextmanager
def world() -> Iterator[World]:
    """Servers that keep what was committed whoever is killed; only the machine itself must not lose its power."""
    folder = Path(tempfile.mkdtemp(prefix="kartoteka-faults-"))
    folder.chmod(0o755)
    try:
        with servers.start(DataFolder.open(folder), durable=False, databases=2) as started:
            _keep_commits(started)
            made = World(started)
            try:
                yield made
            finally:
                made.close()
                started.postgres.child.send_signal(signal.SIGQUIT)  # type: ignore[union-attr]  # thrown away: nothing of it need be written
    finally:
        shutil.rmtree(folder, ignore_errors=True)


