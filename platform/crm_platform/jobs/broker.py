"""Celery with its one task, `serve`. What is to be done stands in job rows, whose turn it is in `turns`; a message is a ticket."""

from __future__ import annotations

import logging
from typing import Any

import redis
from celery import Celery
from django.conf import settings
from kombu.exceptions import OperationalError

from crm_platform.kernel import clock

from . import turns
from .turns import NOW, REST, Turn, queue

_log = logging.getLogger("kartoteka.jobs")
ACTIVE = "active"
app = Celery("kartoteka")
# How long one workspace may be served before the others' turn, in seconds.
SLICE = 5.0
# Lost tickets are written anew, so many at once.
TOP_UP = 200
__all__ = ["NOW", "REST", "queue"]


def configure() -> Celery:
    """Set the broker from the settings; called at start-up of every process."""
    url = settings.REDIS_URL
    if url.startswith("unix://"):
        path, _, query = url.removeprefix("unix://").partition("?")
        number = dict(pair.split("=") for pair in query.split("&") if "=" in pair).get("db", "0")
        url = f"redis+socket://{path}?virtual_host={number}"
    app.conf.update(
        broker_url=url, result_backend=None, task_ignore_result=True, task_acks_late=True, worker_prefetch_multiplier=1,
        task_default_queue="serve", broker_connection_retry_on_startup=True, worker_hijack_root_logger=False,
        task_reject_on_worker_lost=True, broker_transport_options={"visibility_timeout": 300},
        broker_connection_timeout=2,
    )  # fmt: skip
    return app


def wake(public_id: str, generation: int, *, lane: str = NOW) -> bool:
    """Ask for the workspace to be served ("control", 0 for the control side); it stands in the queue once, however often one asks.

    False where the queue does not answer. A lost message costs nothing but time: the scheduler looks at what is due.
    """
    try:
        if turns.ask(public_id, generation, lane=lane):
            _ticket(public_id, generation)
        if lane == NOW:  # those whom the scheduler wakes are not active by that
            queue().zadd(ACTIVE, {f"{public_id}:{generation}": clock.real_now().timestamp()})
    except (redis.RedisError, OperationalError, OSError):
        _log.warning("the queue does not answer", extra={"workspace": public_id})
        return False
    return True


def _ticket(public_id: str, generation: int) -> None:
    app.send_task("serve", args=[public_id, generation], ignore_result=True, retry=False)


def leave(turn: Turn, *, unfinished: bool) -> None:
    """Give the place back; who is not finished goes to the end of the queue."""
    if turns.leave(turn, unfinished=unfinished):
        _ticket(turn.public_id, turn.generation)


def top_up() -> int:
    """As many tickets as stand in the queue: those lost with a worker, or not written by one that died, come back. Returns how many."""
    written: Any = queue().llen(app.conf.task_default_queue)
    missing: int = max(0, min(turns.waiting() - written, TOP_UP))
    for _ in range(missing):
        _ticket("anyone", 0)
    return missing


def last_active(since: float, until: float) -> list[str]:
    """Public ids of those who last left work to be served between two moments (seconds of the epoch), the second left out; an hour back is remembered."""
    queue().zremrangebyscore(ACTIVE, "-inf", clock.real_now().timestamp() - 3600)
    found: Any = queue().zrangebyscore(ACTIVE, since, f"({until}")
    return [member.decode().rpartition(":")[0] for member in found]


@app.task(name="serve")
def serve(public_id: str, generation: int) -> None:
    """A ticket: serve for one slice whose turn it is, which need not be the one who asked."""
    from .serving import serve_turn  # noqa: PLC0415 (the worker reads this module before Django's applications)

    serve_turn()
