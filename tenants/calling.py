"""Calling the keeper: a word through Redis, so that it does at once what it would find by itself with its next round."""

from __future__ import annotations

import logging
import threading

import redis

from crm_platform.jobs import broker

_log = logging.getLogger("kartoteka.keeper")
# What it is called for: a pool that has less, a workspace that sleeps.
REFILL, WAKE = "control:keeper.refill", "control:keeper.wake"


def call(wish: str) -> None:
    """Say that there is something to do; how much is in the registry. Lost words cost time, never work."""
    try:
        with broker.queue().pipeline() as pipe:
            pipe.lpush(wish, 1)
            pipe.ltrim(wish, 0, 0)
            pipe.execute()
    except redis.RedisError:
        _log.warning("the keeper cannot be called", extra={"wish": wish})


def wait(wish: str, stop: threading.Event, *, seconds: float) -> None:
    """Until somebody calls for this, `stop` is set or the time is over."""
    try:
        broker.queue().blpop([wish], timeout=seconds)
    except (redis.RedisError, OSError):
        stop.wait(seconds)
