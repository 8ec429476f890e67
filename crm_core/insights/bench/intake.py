"""The intake door under load: leads at a steady rate, how long an answer takes, and that none is lost when parts are killed. `lines()` is all of it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from . import processes
from .run import PASSWORD, Line, Product, folder, say, start, stop

RATE, SECONDS = 300, 60
_SENDERS, _AGAIN, _PATIENCE = 24, 0.5, 120.0


@dataclass(slots=True)
class Sender:
    """Sends leads at a steady rate over kept connections; one that is not taken is sent again with its number, as programs do."""

    port: int
    key: str
    rate: int = RATE
    took: list[float] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    refused: dict[int, int] = field(default_factory=dict)

    def run(self, *, seconds: float, meanwhile: Callable[[float], None] = lambda _passed: None) -> None:
        """Send for so long. The time of an answer counts from the moment at which it was to be sent, so that a queue is not hidden."""
        began, turns, lock = time.perf_counter() + 0.2, iter(range(int(self.rate * seconds))), threading.Lock()

        def work() -> None:
            line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            while True:
                with lock:
                    turn = next(turns, None)
                if turn is None:
                    return line.close()
                due = began + turn / self.rate
                time.sleep(max(0.0, due - time.perf_counter()))
                self._deliver(line, due)

        crew = [threading.Thread(target=work) for _ in range(_SENDERS)]
        for one in crew:
            one.start()
        while any(one.is_alive() for one in crew):
            meanwhile(time.perf_counter() - began)
            time.sleep(0.05)

    def _deliver(self, line: http.client.HTTPConnection, due: float) -> None:
        number = uuid.uuid4().hex
        body = json.dumps({"name": f"Ada {number[:6]}", "phone": f"+3165{int(number[:7], 16) % 10**7:07d}", "message": "Oak shelves for a reading room, please.", "utm_source": "bench", "page": "https://shop.example/oak"})
        self.sent.append(number)
        until = time.perf_counter() + _PATIENCE
        while time.perf_counter() < until:
            status = self._post(line, number, body)
            if 200 <= status < 300:
                self.took.append(time.perf_counter() - due)
                return
            self.refused[status] = self.refused.get(status, 0) + 1
            time.sleep(_AGAIN)

    def _post(self, line: http.client.HTTPConnection, number: str, body: str) -> int:
        try:
            line.request("POST", f"/api/leads/in/{self.key}", body, {"Host": f"localhost:{self.port}", "Content-Type": "application/json", "Idempotency-Key": number})
            answer = line.getresponse()
            answer.read()
            return answer.status
        except (OSError, http.client.HTTPException):
            line.close()
            return 0


def lines(*, seconds: float = SECONDS) -> list[Line]:
    """All of it, on one run of the product."""
    with folder() as data:
        product = start(data)
        try:
            product.crm("create-workspace", "--name", "Bench", "--slug", "bench", "--email", "bench@bench.example", "--password-stdin", "--plan", "business", given=f"{PASSWORD}\n")
            key = str(product.crm("measure-intake", "--workspace", "bench")["key"])
            say("leads at a steady rate")
            found = steady(product, key, seconds=seconds)
            say("parts are killed in the middle")
            return found + killed(product, key)
        finally:
            stop(product)


def steady(product: Product, key: str, *, seconds: float = SECONDS, rate: int = RATE) -> list[Line]:
    """The door at a steady rate, and how soon after the last lead all have been read."""
    Sender(product.port, key, rate=50).run(seconds=3)  # each web process has loaded what it needs
    sender = Sender(product.port, key, rate=rate)
    sender.run(seconds=seconds)
    ended = time.perf_counter()
    took = sorted(sender.took)
    read = _all_read(product)
    p99, middle = took[int(len(took) * 0.99)] * 1000, took[len(took) // 2] * 1000
    return [
        Line(f"a lead answered, p99 at {rate} a second for {seconds:.0f} s", round(p99, 1), "ms", goal="under 250", met=p99 < 250 and len(took) == len(sender.sent)),
        Line("  the middle one", round(middle, 1), "ms"),
        Line("  leads not answered at once", sum(sender.refused.values()), "leads", goal="0", met=not sender.refused),
        Line("  all of them read and in the inbox after the last", round(read - ended, 1), "s"),
    ]


def killed(product: Product, key: str) -> list[Line]:
    """A worker, a web process and Redis are killed, one after the other, while leads arrive."""
    plan = [(2.0, "worker", "celery"), (5.0, "a web process", "crm_platform.config.wsgi"), (8.0, "Redis", "redis-server")]

    def strike(passed: float) -> None:
        while plan and passed >= plan[0][0]:
            _at, name, word = plan.pop(0)
            victims = {pid for pid in processes.family(product.process.pid) if word in processes.command_of(pid).split(" -", 1)[0] or word in processes.command_of(pid)[:200]}
            say(f"killed: {name} ({len(victims)} processes)")
            for pid in victims if name != "a web process" else [max(victims)]:
                os.kill(pid, signal.SIGKILL)

    before = _count(product, "")
    sender = Sender(product.port, key, rate=100)
    sender.run(seconds=14, meanwhile=strike)
    _all_read(product)
    kept = _count(product, "") - before
    return [
        Line("leads sent while worker, web and Redis were killed", len(sender.sent), "leads"),
        Line("  kept and read in the end", kept, "leads", goal="all of them, once", met=kept == len(sender.sent) == len(sender.took)),
    ]


def _all_read(product: Product, *, patience: float = 180.0) -> float:
    until = time.monotonic() + patience
    while time.monotonic() < until and _count(product, "WHERE read_at IS NULL"):
        time.sleep(0.2)
    return time.perf_counter()


def _count(product: Product, where: str) -> int:
    [schema] = product.row("SELECT schema_name FROM control.workspace WHERE slug = 'bench'")
    return int(product.row(f'SELECT count(*) FROM "{schema}".incoming_lead {where}')[0])  # noqa: S608 (a name of our own registry)
