"""Calling the keeper: a word through Redis, so that it refills the pool at once instead of with its next round."""

from __future__ import annotations

import logging
import threading

import redis

from crm_platform.jobs import broker

_log = logging.getLogger("kartoteka.keeper")
_KEY = "keeper:called"


def call() -> None:
    """Say that there is something to do. Lost words cost time, never work."""
    try:
        with broker.queue().pipeline() as pipe:
            pipe.lpush(_KEY, 1)
            pipe.ltrim(_KEY, 0, 0)
            pipe.execute()
    except redis.RedisError:
        _log.warning("the keeper cannot be called")


def wait(stop: threading.Event, *, seconds: float) -> None:
    """Until somebody calls, `stop` is set or the time is over."""
    try:
        broker.queue().blpop([_KEY], timeout=seconds)
    except redis.RedisError:
        stop.wait(seconds)
