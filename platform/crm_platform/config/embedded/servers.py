"""The two servers together, and the environment in which the product finds them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from . import postgres, redis
from .datafolder import DataFolder


@dataclass(frozen=True, slots=True)
class Servers:
    """Running servers on a data folder."""

    data: DataFolder
    postgres: postgres.Postgres
    redis: redis.Redis

    def environment(self, *, port: int = 8000) -> dict[str, str]:
        """The variables of design section 9 for this run; the owner's URL among them, for those who may hold it."""
        secrets = self.data.secrets
        return {
            "CRM_EMBEDDED": "1",
            "CRM_DATA": str(self.data.path),
            "CRM_MEDIA": str(self.data.sub("files")),
            "SECRET_KEY": secrets["SECRET_KEY"],
            "FIELD_KEYS": secrets["FIELD_KEYS"],
            "DATABASE_OWNER_URL": self.postgres.url("owner", password=secrets["owner"]),
            "DATABASE_CONTROL_URL": self.postgres.url("control", password=secrets["control"]),
            "DATABASE_URL": self.postgres.url("app", password=secrets["app"]),
            "REDIS_URL": self.redis.url(0),
            "CACHE_REDIS_URL": self.redis.url(1),
            "EMAIL_URL": f"mailbox://{self.data.sub('mail')}",
            "PUBLIC_URL": f"http://localhost:{port}",
        }


@contextmanager
def start(data: DataFolder, *, durable: bool = True) -> Iterator[Servers]:
    """Hold the folder, start both servers, stop them at the end. Raises Trouble."""
    with ExitStack() as stack:
        stack.enter_context(data.locked())
        database = postgres.start(data, durable=durable)
        stack.callback(database.stop)
        queue = redis.start(data)
        stack.callback(queue.stop)
        yield Servers(data, database, queue)


def remember(data: DataFolder, variables: dict[str, str]) -> None:
    """Write down how a running `up` is reached, for commands beside it."""
    (data.path / "running.json").touch(mode=0o600)
    (data.path / "running.json").write_text(json.dumps(variables), encoding="utf-8")


def remembered(data: DataFolder) -> dict[str, str]:
    """What a running `up` wrote down."""
    found: dict[str, str] = json.loads((data.path / "running.json").read_text(encoding="utf-8"))
    return found
