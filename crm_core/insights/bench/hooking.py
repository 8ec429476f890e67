"""How long after an event its webhook arrives, at a hundred events a second, ten of them in a unit."""

from __future__ import annotations

import re
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from . import run
from .run import PASSWORD, Line, say

RATE, SECONDS, GOAL = 100, 20, 2.0
# The receiver stands on this machine.
LOOPBACK = {"CRM_HOOKS_TO_LOOPBACK": "1"}
_NAMED = re.compile(rb"at-(\d+)-(\d+)")


def lines() -> list[Line]:
    """Both formats, one after the other, on a run of its own."""
    found: list[Line] = []
    with run.folder() as data:
        product = run.start(data, LOOPBACK)
        try:
            for form in ("amocrm", "json"):
                slug = f"bench-{form}"
                product.crm("create-workspace", "--name", slug, "--slug", slug, "--email", "bench@bench.example", "--password-stdin", "--plan", "business", given=f"{PASSWORD}\n")
                found += _of(product, slug, form)
        finally:
            run.stop(product)
    return found


def _of(product: run.Product, slug: str, form: str) -> list[Line]:
    with _receiver() as (url, lags, seen):
        made = product.crm("measure-hooks", "--workspace", slug, "--destination", url, "--format", form, "--rate", str(RATE), "--seconds", str(SECONDS), variables=LOOPBACK)
        _wait(seen, made["events"])
    told = sorted(lags)
    p50, p99 = statistics.median(told), told[int(len(told) * 0.99) - 1]
    say(f"{form}: {len(seen)} of {made['events']} events, {made['rate']} a second, half within {p50:.2f} s, 99 of 100 within {p99:.2f} s")
    where = f"{made['rate']} events a second for {SECONDS} s, {form}"
    return [
        Line(f"webhook's lag, {form}, p50", round(p50, 3), "s", where),
        Line(f"webhook's lag, {form}, p99", round(p99, 3), "s", where, goal=f"under {GOAL:g} s", met=p99 < GOAL),
        Line(f"webhooks lost, {form}", made["events"] - len(seen), "events", where, goal="none", met=len(seen) == made["events"]),
    ]


def _wait(seen: set[bytes], events: int) -> None:
    until = time.monotonic() + 60
    while len(seen) < events and time.monotonic() < until:
        time.sleep(0.1)


class _Receiver(ThreadingHTTPServer):
    """Takes connections as any web server does: five in the queue, Python's own, are too few for a hundred a second, and each one beyond waits a second."""

    request_queue_size = 128


@contextmanager
def _receiver() -> Iterator[tuple[str, list[float], set[bytes]]]:
    lags: list[float] = []
    seen: set[bytes] = set()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body, now = self.rfile.read(int(self.headers["Content-Length"])), time.time()
            for number, micros in _NAMED.findall(body):
                if number not in seen:
                    seen.add(number)
                    lags.append(now - int(micros) / 1e6)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_given: object) -> None:
            """Nothing."""

    server = _Receiver(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", lags, seen
    finally:
        server.shutdown()
        server.server_close()


def names(count: int) -> Iterator[str]:
    """Names that say when they were made."""
    for number in range(count):
        yield f"at-{number}-{time.time_ns() // 1000}"
