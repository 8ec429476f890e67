"""`bin/bench --billing`: how fast events of the payment service are answered, that none is lost when parts are killed, and that a limit holds."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import os
import signal
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from . import processes
from .run import PASSWORD, Line, Product, folder, say, start, stop

RATE, SECONDS = 50, 20
_SENDERS = 24
# How long a delivery waits before it is tried again, and for how long in all.
_AGAIN, _PATIENCE = 0.5, 120.0


@dataclass(slots=True)
class Sender:
    """Sends events as the payment service does: signed, at a steady rate, again until they are answered with 2xx."""

    port: int
    secret: str
    customer: str
    took: list[float] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    refused: dict[int, int] = field(default_factory=dict)

    def run(self, *, seconds: float, meanwhile: Callable[[float], None] = lambda _passed: None) -> None:
        """Send for so long. The time of an answer counts from the moment at which it was to be sent, so that a queue is not hidden."""
        began, turns, lock = time.perf_counter() + 0.2, iter(range(int(RATE * seconds))), threading.Lock()

        def work() -> None:
            while True:
                with lock:
                    turn = next(turns, None)
                if turn is None:
                    return
                due = began + turn / RATE
                time.sleep(max(0.0, due - time.perf_counter()))
                self._deliver(due)

        crew = [threading.Thread(target=work) for _ in range(_SENDERS)]
        for one in crew:
            one.start()
        while any(one.is_alive() for one in crew):
            meanwhile(time.perf_counter() - began)
            time.sleep(0.05)

    def _deliver(self, due: float) -> None:
        event = f"evt_bench_{uuid.uuid4().hex}"
        body = _event(event, self.customer)
        self.sent.append(event)
        until = time.perf_counter() + _PATIENCE
        while time.perf_counter() < until:
            status = self._post(body)
            if 200 <= status < 300:
                self.took.append(time.perf_counter() - due)
                return
            self.refused[status] = self.refused.get(status, 0) + 1
            time.sleep(_AGAIN)

    def _post(self, body: bytes) -> int:
        at = int(time.time())
        seal = hmac.new(self.secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("POST", "/webhooks/in/stripe", body, {"Host": f"localhost:{self.port}", "Content-Type": "application/json", "Stripe-Signature": f"t={at},v1={seal}"})
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()


def _event(event: str, customer: str) -> bytes:
    """As large as an invoice's usually is: some four kilobytes."""
    lines = [{"id": f"il_{at}", "object": "line_item", "amount": 1900, "description": "1 × Kartoteka Team", "period": {"start": 0, "end": 0}, "metadata": {}} for at in range(20)]
    told = {"id": event, "object": "event", "type": "invoice.updated", "created": int(time.time()), "livemode": False, "api_version": "2026-10-28.endive"}
    return json.dumps(told | {"data": {"object": {"id": "in_bench", "object": "invoice", "customer": customer, "lines": {"data": lines}}}}).encode()


def lines() -> list[Line]:
    """All of it, on one run of the product."""
    with folder() as data:
        product = start(data)
        try:
            product.crm("create-workspace", "--name", "Bench", "--slug", "bench", "--email", "bench@bench.example", "--password-stdin", "--plan", "business", given=f"{PASSWORD}\n")
            customer = product.crm("measure-paying", "--workspace", "bench")["customer"]
            secret = json.loads((data / "running.json").read_text())["STRIPE_WEBHOOK_SECRET"]
            say("events at a steady rate")
            found = _steady(product, secret, customer)
            say("a limit, and a hundred at it")
            found += _limit(product.crm("measure-limit", "--workspace", "bench"))
            say("parts are killed in the middle")
            return found + _killed(product, secret, customer)
        finally:
            stop(product)


def _steady(product: Product, secret: str, customer: str) -> list[Line]:
    Sender(product.port, secret, customer).run(seconds=3)  # each web process has loaded what it needs
    sender = Sender(product.port, secret, customer)
    sender.run(seconds=SECONDS)
    took = sorted(sender.took)
    p99, middle = took[int(len(took) * 0.99)] * 1000, took[len(took) // 2] * 1000
    return [
        Line(f"an event answered, p99 at {RATE} a second", round(p99, 1), "ms", goal="under 100", met=p99 < 100 and len(took) == len(sender.sent)),
        Line("  the middle one", round(middle, 1), "ms"),
        Line("  events not answered at once", sum(sender.refused.values()), "events", goal="0", met=not sender.refused),
    ]


def _killed(product: Product, secret: str, customer: str) -> list[Line]:
    """Worker, a web process and Redis are killed, one after the other, while events arrive."""
    plan = [(2.0, "worker", _is_worker), (5.0, "a web process", _is_web), (8.0, "Redis", _is_redis)]

    def strike(passed: float) -> None:
        while plan and passed >= plan[0][0]:
            _at, name, test = plan.pop(0)
            victims = {pid for pid in processes.family(product.process.pid) if test(processes.command_of(pid))}
            say(f"killed: {name} ({len(victims)} processes)")
            for pid in victims if name != "a web process" else [max(victims)]:
                os.kill(pid, signal.SIGKILL)

    sender = Sender(product.port, secret, customer)
    sender.run(seconds=14, meanwhile=strike)
    until, done = time.monotonic() + 180, 0
    while time.monotonic() < until and done < len(sender.sent):
        done = _done(product, sender.sent)
        time.sleep(1)
    return [
        Line("events sent while worker, web and Redis were killed", len(sender.sent), "events"),
        Line("  worked through in the end", done, "events", goal="all of them", met=done == len(sender.sent) == len(sender.took)),
    ]


def _done(product: Product, sent: list[str]) -> int:
    import psycopg  # noqa: PLC0415 (only where the bench runs)

    with psycopg.connect(json.loads((product.data / "running.json").read_text())["DATABASE_OWNER_URL"], autocommit=True) as connection:
        row: Any = connection.execute("SELECT count(*) FROM control.provider_event WHERE status = 'done' AND external_id = ANY(%s)", [sent]).fetchone()
        return int(row[0])


def _is_worker(command: str) -> bool:
    return "celery" in command


def _is_web(command: str) -> bool:
    return "crm_platform.config.wsgi" in command


def _is_redis(command: str) -> bool:
    return "redis-server" in command.split(" ")[0] or command.startswith("redis")


def _limit(found: dict[str, Any]) -> list[Line]:
    return [
        Line("statements to check a limit", found["statements"], "statements", goal="at most 2", met=found["statements"] <= 2),
        Line(f"{found['tries']} creations at once, {found['room']} places left: made", found["made"], "contacts", goal="exactly the limit", met=found["made"] == found["room"] and found["counter"] == found["count"]),
    ]
