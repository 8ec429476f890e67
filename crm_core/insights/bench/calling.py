"""The open API: a page of 250 leads beside the statements it needs, a list beside the browser's, leads made in batches. `lines()` is all of it, with the intake door's."""

from __future__ import annotations

import http.client
import json
import statistics
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from . import intake, processes, run
from .browser import Browser
from .figures import times
from .run import NO_NEIGHBOURS, PASSWORD, Line, Product, folder, say, start, stop

SLUG, EMAIL = "bench-api", "bench@bench.example"
DEALS, LIMIT, ASKINGS = 2000, 250, 60
PATH = f"/api/v4/leads?limit={LIMIT}&with=contacts"
# A page of the list in the browser holds so many rows.
ROWS = 50
BATCH, SENDERS, SECONDS, GOAL = 50, 3, 10, 500


@dataclass(slots=True)
class Caller:
    """A program that speaks JSON over one connection, with a token."""

    port: int
    token: str
    host: str = f"{SLUG}.localhost"
    line: http.client.HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        self.line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The body of an answer that must be good."""
        headers = {"Host": f"{self.host}:{self.port}", "Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        self.line.request(method, path, None if body is None else json.dumps(body), headers)
        answer = self.line.getresponse()
        raw = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{method} {path} answered {answer.status}: {raw[:300]!r}")
        return json.loads(raw)

    def wall(self, path: str) -> float:
        """Milliseconds of one asking; the answer is read, not taken apart."""
        began = time.perf_counter()
        self.line.request("GET", path, None, {"Host": f"{self.host}:{self.port}", "Authorization": f"Bearer {self.token}"})
        answer = self.line.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path} answered {answer.status}")
        return (time.perf_counter() - began) * 1000


def lines(*, seconds: float = intake.SECONDS) -> list[Line]:
    """All of it: the API on a run of its own, then the intake door on another."""
    found: list[Line] = []
    with folder() as data:
        product = start(data, NO_NEIGHBOURS)
        try:
            caller = _prepared(product)
            say(f"a page of {LIMIT} leads, and a list beside the browser's")
            found += page(product, caller) + beside_the_browser(product, caller)
            say(f"leads made in batches of {BATCH}")
            found += making(product, [_token(product, f"program {number}") for number in range(SENDERS)])
        finally:
            stop(product)
    return found + intake.lines(seconds=seconds)


def _prepared(product: Product) -> Caller:
    product.crm("create-workspace", "--name", "Bench", "--slug", SLUG, "--email", EMAIL, "--password-stdin", "--plan", "business", given=f"{PASSWORD}\n")
    product.crm("seed-workspace", "--workspace", SLUG, "--contacts", str(DEALS), "--companies", "400", "--deals", str(DEALS), "--activities", "2000")
    run.analyse(json.loads((product.data / "running.json").read_text())["DATABASE_OWNER_URL"])
    processes.quiet(product.process.pid)  # what was seeded is looked through by workers and by the database: not what is measured
    return Caller(product.port, _token(product, "bench"))


def _token(product: Product, name: str) -> str:
    """A token of its own, and so a budget of its own."""
    return str(product.crm("create-token", "--workspace", SLUG, "--email", EMAIL, "--name", name)["token"])


def page(product: Product, caller: Caller) -> list[Line]:
    """GET of 250 leads with their contacts, beside the statements it sends, sent alone and their rows read."""
    rows = caller.ask("GET", PATH)["_embedded"]["leads"]
    linked = sum(bool(row["_embedded"]["contacts"]) for row in rows)
    needed: list[float] = []
    walls: list[float] = []
    for _ in range(3):  # the two take turns: a machine whose speed changes changes both
        walls += [caller.wall(PATH) for _ in range(ASKINGS // 3)]
        alone = product.crm("measure-api", "--workspace", SLUG, "--path", PATH, "--times", str(ASKINGS // 3), given=caller.token)
        needed += alone["walls"]
    wall, sql = statistics.median(walls), statistics.median(needed)
    ratio = times(wall, sql)
    say(f"{len(rows)} leads, {linked} of them with contacts: {wall:.1f} ms, its {alone['statements']} statements alone {sql:.1f} ms")
    return [Line(f"API, {len(rows)} leads with contacts, p50", round(wall, 1), "ms", f"its {alone['statements']} statements alone, {sql:.1f} ms", ratio, "at most 3", ratio <= 3)]


def beside_the_browser(product: Product, caller: Caller) -> list[Line]:
    """A page of leads by the API beside the same list's page in the browser, with as many rows."""
    browser = Browser(product.port, caller.host)
    browser.log_in(EMAIL, PASSWORD)
    path = f"/api/v4/leads?limit={ROWS}"
    walls: dict[str, list[float]] = {"api": [], "browser": []}
    for turn in range(ASKINGS + 10):
        began = time.perf_counter()
        browser.get("/deals")
        seen = (time.perf_counter() - began) * 1000
        told = caller.wall(path)
        if turn >= 10:
            walls["browser"].append(seen)
            walls["api"].append(told)
    api, screen = statistics.median(walls["api"]), statistics.median(walls["browser"])
    ratio = times(api, screen)
    say(f"a list of {ROWS}: {api:.1f} ms, in the browser {screen:.1f} ms")
    return [Line(f"API, list of {ROWS} leads, p50", round(api, 1), "ms", f"the list's page in the browser, {screen:.1f} ms", ratio, "at most 1.5", ratio <= 1.5)]


def making(product: Product, tokens: Sequence[str], *, seconds: float = SECONDS) -> list[Line]:
    """Leads made in batches by several programs at once, for so long."""
    made, lock = [0], threading.Lock()
    walls: list[float] = []
    until = time.perf_counter() + seconds

    def work(number: int, token: str) -> None:
        caller, at = Caller(product.port, token), 0
        while time.perf_counter() < until:
            began = time.perf_counter()
            caller.ask("POST", "/api/v4/leads", [{"name": f"Oak shelves {number}-{at}-{item}", "price": 1000 + item, "request_id": str(item)} for item in range(BATCH)])
            with lock:
                made[0] += BATCH
                walls.append((time.perf_counter() - began) * 1000)
            at += 1

    Caller(product.port, tokens[0]).ask("POST", "/api/v4/leads", [{"name": "Warm"}])
    began = time.perf_counter()
    crew = [threading.Thread(target=work, args=given) for given in enumerate(tokens)]
    for one in crew:
        one.start()
    for one in crew:
        one.join()
    rate = made[0] / (time.perf_counter() - began)
    say(f"{made[0]} leads, {rate:.0f} a second")
    where = f"{len(tokens)} programs for {seconds:g} s"
    return [
        Line(f"API, leads made in batches of {BATCH}", round(rate), "leads/s", where, goal=f"at least {GOAL}", met=rate >= GOAL),
        Line("  a batch answered, p50", round(statistics.median(walls), 1), "ms", where),
    ]
