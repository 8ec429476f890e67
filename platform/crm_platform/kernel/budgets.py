"""A bucket of requests for each program: one that asks too much waits, and nobody else does.

Counted in the process, like a workspace's share (decision 0013): no round trip, and nothing fails where Redis is away. The
plan says how many requests a second; the bucket holds `BURST` seconds of them. What was drawn goes to the same figures.
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from . import neighbours
from .errors import TooMany

# Seconds' worth of requests that may come at once.
BURST = 10
MOST = 20_000
ASKED, REFUSED = "api", "api_refused"
# What floating numbers lose on the way.
_SLACK = 1e-6


class BudgetSpent(TooMany):
    """A program asks faster than the plan lets one."""

    code = "budget_spent"
    sentence = _("This program has used its requests for the moment. Nothing was saved; other programs are not affected. Try again in {retry_after} s.")


@dataclass(frozen=True, slots=True)
class Budget:
    """A bucket after a request: what it holds, what is left, seconds until it is full, and until there is one again (0: there was one)."""

    limit: int
    remaining: int
    reset: int
    retry_after: int = 0


_lock = threading.Lock()
# For each program until when its requests are used: runs ahead of the clock by what was drawn.
_used_until: dict[str, float] = {}


def draw(key: str, *, rate: int | None) -> Budget | None:
    """One request of the program; `rate` a second is the plan's, None for no bound. What it cannot have stands in `retry_after`."""
    if rate is None or neighbours.shares_are_off():
        return None
    now = time.monotonic()
    with _lock:
        if len(_used_until) >= MOST:
            _forget_full(now)
        used = max(0.0, _used_until.get(key, 0.0) - now) * rate  # in requests
        had = used + 1 <= rate * BURST + _SLACK
        if had:
            used += 1
            _used_until[key] = now + used / rate
    neighbours.note(key, ASKED if had else REFUSED)
    return Budget(
        limit=rate * BURST, remaining=max(0, math.floor(rate * BURST - used + _SLACK)), reset=math.ceil(used / rate - _SLACK),
        retry_after=0 if had else max(1, math.ceil((used + 1) / rate - BURST)),
    )  # fmt: skip


def _forget_full(now: float) -> None:
    for key in [key for key, until in _used_until.items() if until < now]:
        del _used_until[key]


def forget() -> None:
    """For tests: every bucket is full."""
    with _lock:
        _used_until.clear()


def stamp(request: HttpRequest, response: HttpResponse) -> None:
    """Tell a program what is left of its budget, whatever the answer is."""
    budget: Budget | None = getattr(request, "budget", None)
    if budget is not None:
        response.headers["X-RateLimit-Limit"] = str(budget.limit)
        response.headers["X-RateLimit-Remaining"] = str(budget.remaining)
        response.headers["X-RateLimit-Reset"] = str(budget.reset)
