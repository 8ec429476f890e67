"""The two servers together, and the environment in which the product finds them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg

from crm_platform.config import env

from . import postgres, redis
from .datafolder import DataFolder, explained, need_room, write
from .trouble import Trouble

# A server that does not come back at once is tried again after this many seconds.
PAUSE = 2.0


@dataclass(slots=True)
class Servers:
    """Running servers on a data folder; `given` says where the operator's are, in whose place none of ours runs."""

    data: DataFolder
    postgres: postgres.Postgres | None
    redis: redis.Redis | None
    given: Mapping[str, str] = field(default_factory=dict)
    cells: Sequence[int] = ()
    again_at: float = 0.0

    def revive(self, say: Callable[[str], None]) -> None:
        """Start again whichever server has fallen, where it was before: what was committed is there, the others wait for it."""
        if time.monotonic() < self.again_at:
            return
        try:
            if self.postgres and self.postgres.child.poll() is not None:
                say("the database stopped by itself and is started again")
                self.postgres = postgres.start(self.data, at=(self.postgres.host, self.postgres.port))
            if self.redis and self.redis.child.poll() is not None:
                say("the queue stopped by itself and is started again")
                self.redis = redis.start(self.data)
        except (Trouble, OSError, psycopg.Error) as trouble:
            self.again_at = time.monotonic() + PAUSE
            say(f"{explained(str(trouble), self.data.path)} It is tried again.")

    def stop(self) -> None:
        """The queue first, as it was started last."""
        if self.redis:
            self.redis.stop()
        if self.postgres:
            self.postgres.stop()

    def environment(self, *, port: int | None = None) -> dict[str, str]:
        """The variables of design section 9 for this run; the owner's URL among them, for those who may hold it. Without a port the addresses are the last run's."""
        secrets = self.data.secrets
        variables = {
            "CRM_EMBEDDED": "1",
            "CRM_DATA": str(self.data.path),
            "CRM_MEDIA": str(self.data.sub("files")),
            "SECRET_KEY": secrets["SECRET_KEY"],
            "FIELD_KEYS": secrets["FIELD_KEYS"],
            "EMAIL_URL": f"mailbox://{self.data.sub('mail')}",
            "PUBLIC_URL": f"http://localhost:{port}" if port else _last_address(self.data),
        }
        if self.postgres:
            variables |= {
                "DATABASE_OWNER_URL": self.postgres.url("owner", password=secrets["owner"]),
                "DATABASE_CONTROL_URL": self.postgres.url("control", password=secrets["control"]),
                "DATABASE_URL": self.postgres.url("app", password=secrets["app"]),
            }
            variables |= _cells(self.postgres, self.cells, secrets=secrets)
        if self.redis:
            variables |= {"REDIS_URL": self.redis.url(0), "CACHE_REDIS_URL": self.redis.url(1)}
        return {**variables, **self.given}


def _last_address(data: DataFolder) -> str:
    """Where the last run on the folder was reached: what a command writes while nothing runs must lead there when it runs again."""
    try:
        return remembered(data)["PUBLIC_URL"]
    except (Trouble, KeyError):
        return "http://localhost:8000"


def _cells(server: postgres.Postgres, numbers: Sequence[int], *, secrets: Mapping[str, str]) -> dict[str, str]:
    """The variables of the further databases on this server."""
    found = {"CRM_CELLS": ",".join(f"cell{number}" for number in numbers)} if numbers else {}
    for number in numbers:
        for variable, login in zip(env.cell_names(f"cell{number}"), ("app", "owner"), strict=True):
            found[variable] = server.url(login, password=secrets[login], database=f"{postgres.DATABASE}{number}")
    return found


@contextmanager
def start(data: DataFolder, *, durable: bool = True, given: Mapping[str, str] | None = None, databases: int = 1) -> Iterator[Servers]:
    """Hold the folder, start the servers that are not given, stop them at the end; with at least so many databases of workspaces. Raises Trouble."""
    given = given or {}
    with data.locked():
        need_room(data.path)
        database = None if "DATABASE_URL" in given else postgres.start(data, durable=durable)
        try:
            running = Servers(data, database, None if "REDIS_URL" in given else redis.start(data), given)
        except BaseException:
            if database:
                database.stop()
            raise
        try:
            if database:
                running.cells = postgres.cells(database, data=data, wanted=databases)
            yield running
        finally:
            running.stop()


def remember(data: DataFolder, variables: dict[str, str]) -> None:
    """Write down how a running `up` is reached, for commands beside it and after it."""
    write(data.path / "running.json", json.dumps(variables))


def remembered(data: DataFolder) -> dict[str, str]:
    """What a running `up` wrote down."""
    try:
        found: dict[str, str] = json.loads((data.path / "running.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise Trouble(f"The run on {data.path} is not up yet. Wait until it prints its addresses.") from None
    return found
