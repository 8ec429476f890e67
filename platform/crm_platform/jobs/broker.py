"""Celery with its one task: `serve(public_id, generation)`. What is to be done stands in job rows, not in messages."""

from __future__ import annotations

import functools
import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis
from celery import Celery
from django.conf import settings
from kombu.exceptions import OperationalError

from crm_platform.kernel import clock

_log = logging.getLogger("kartoteka.jobs")
ACTIVE = "active"
app = Celery("kartoteka")
# How long one workspace may be served before the others' turn, and how long a wake-up counts as delivered (seconds).
SLICE, DELIVERED = 5.0, 20


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


@functools.cache
def queue() -> redis.Redis:
    """The queue's Redis, spoken to directly: its keys name the workspace themselves."""
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=5, socket_connect_timeout=2)


def wake(public_id: str, generation: int) -> None:
    """Ask for the workspace to be served ("control", 0 for the control side); within a few seconds one asking is enough.

    A lost message costs nothing but time: the scheduler looks at what is due.
    """
    try:
        if queue().set(f"wake:{public_id}:{generation}", 1, nx=True, ex=DELIVERED):
            app.send_task("serve", args=[public_id, generation], ignore_result=True, retry=False)
        queue().zadd(ACTIVE, {f"{public_id}:{generation}": clock.real_now().timestamp()})
    except (redis.RedisError, OperationalError, OSError):
        _log.warning("the queue does not answer", extra={"workspace": public_id})


def woken(public_id: str, generation: int) -> None:
    """The message has arrived: what is written from now on needs another."""
    queue().delete(f"wake:{public_id}:{generation}")


def recently_active(*, seconds: int) -> list[tuple[str, int]]:
    """Workspaces that wrote something to be served in the last `seconds`."""
    since = clock.real_now().timestamp() - seconds
    queue().zremrangebyscore(ACTIVE, "-inf", since - 3600)
    found: Any = queue().zrangebyscore(ACTIVE, since, "+inf")
    pairs = [member.decode().rsplit(":", 1) for member in found]
    return [(public_id, int(generation)) for public_id, generation in pairs]


@contextmanager
def slot(public_id: str, generation: int) -> Iterator[bool]:
    """One of the workspace's few places at the table: False where all are taken. A crashed holder's place returns in a minute."""
    key, mine = f"slots:{public_id}:{generation}", secrets.token_hex(8)
    now = clock.real_now().timestamp()
    queue().zremrangebyscore(key, "-inf", now - 60)
    queue().zadd(key, {mine: now})
    queue().expire(key, 120)
    rank: Any = queue().zrank(key, mine)
    try:
        yield rank is not None and rank < settings.CRM_JOB_SLOTS
    finally:
        queue().zrem(key, mine)


@app.task(name="serve")
def serve(public_id: str, generation: int) -> None:
    """Serve a workspace's events and jobs for one slice."""
    from .serving import serve_place  # noqa: PLC0415 (the worker reads this module before Django's applications)

    serve_place(public_id, generation)
