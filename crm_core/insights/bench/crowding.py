"""Many workspaces on one server, and many sign-ups at once."""

from __future__ import annotations

import random
import statistics
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from . import figures, processes, run
from .browser import Browser
from .figures import Size
from .run import PASSWORD, Line, Product, say
from .tenancy import ALONE, at_once, product

CONNECTIONS, CLIENTS = 4, 8
# So many firms are at work at once, however many stand in the database: the machine serves no more at any size.
AT_WORK = 100
PLANNED = 10_000
MB = 2**20
# What is called bounded, in MB of a process's own, at any number of workspaces. A stock backend has 266 after a thousand of them, ten tables touched in each (tenancy.md).
WORKER, BACKEND = 200, 200


@dataclass(frozen=True, slots=True)
class Visits:
    """What the visits at one size took, in milliseconds, and the server with it. `first`: the first visit to each firm, whose tables no backend knows yet."""

    size: Size
    first: tuple[list[float], list[float]]
    board: list[float]
    card: list[float]


def sizes(numbers: Sequence[int], *, visits: int) -> list[Line]:
    """The walls of board and card of the firms at work, picked at random from all, and memory; the server is started anew at each size."""
    found, lines = [], []
    firms: list[dict[str, Any]] = []
    with run.folder() as data:
        for number in sorted(numbers):
            started = run.start(data, ALONE)
            try:
                took = _make(started, firms, number)
                calm = processes.quiet(started.process.pid)
                say(f"{number} workspaces: {number - took[1]} made in {took[0]:.0f} s, quiet after {calm:.0f} s, started in {started.took:.1f} s")
                lines += [Line(f"making {number - took[1]} firms by two at once", round(took[0]), "s"), Line(f"bin/up with {took[1]} workspaces", round(started.took, 1), "s")]
                first = _walls(started, firms[:AT_WORK], AT_WORK)
                _walls(started, firms[:AT_WORK], visits)  # the same number at each size: caches and backends are as warm as such a load makes them
                board, card = _walls(started, firms[:AT_WORK], visits)
                with _most_of(started) as most:  # all of them, one after the other: more than any backend is let see
                    _walls(started, firms, max(visits, len(firms)))
                found.append(Visits(_size(started, number, most), first, board, card))
            finally:
                run.stop(started)
    return [*lines, *(line for one in found for line in _lines(one, found[0])), *_plan(found)]


def _make(started: Product, firms: list[dict[str, Any]], number: int) -> tuple[float, int]:
    """Make what is missing to `number`; (seconds, how many there were before)."""
    before = len(firms)
    missing = number - before
    shares = (missing // 2, missing - missing // 2)
    began = time.perf_counter()
    made = at_once(*(lambda at=at, share=share: started.crm("measure-firms", "--count", str(share), "--prefix", f"firm{before}x{at}") for at, share in enumerate(shares)))
    firms += [firm for one in made for firm in one["firms"]]
    random.Random(number).shuffle(firms)  # noqa: S311 (an order of visits)
    return time.perf_counter() - began, before


def _walls(started: Product, firms: Sequence[dict[str, Any]], visits: int) -> tuple[list[float], list[float]]:
    """One firm after the other, each its board and a contact's card, over a few connections in turn."""
    browsers = [Browser(started.port, "localhost") for _ in range(CONNECTIONS)]
    board: list[float] = []
    card: list[float] = []
    for at in range(visits):
        firm, browser = firms[at % len(firms)], browsers[at % len(browsers)]
        for path, walls in (("/board", board), (f"/contacts/{firm['contact']}", card)):
            browser.cookies = {"session": firm["session"]}
            began = time.perf_counter()
            status, _text, _headers = browser.ask("GET", path, host=f"{firm['slug']}.localhost:{started.port}")
            walls.append((time.perf_counter() - began) * 1000)
            if status != 200:
                raise RuntimeError(f"{path} of {firm['slug']} answered {status}")
    return board, card


@dataclass(slots=True)
class _Most:
    """The most that a process of each kind has had to itself at any look, in bytes."""

    backend: int = 0
    worker: int = 0

    def look(self, root: int) -> None:
        """Once more: a backend that has grown is closed, and its memory with it, so the end of a load alone tells little."""
        for pid in processes.family(root):
            command = processes.command_of(pid)
            if command.startswith("postgres: app "):
                self.backend = max(self.backend, processes.private(pid))
            elif "crm_platform.config.wsgi" in command:
                self.worker = max(self.worker, processes.private(pid))


@contextmanager
def _most_of(started: Product, *, every: float = 0.5) -> Iterator[_Most]:
    """Look at the memory of workers and backends while the block runs, and at its end."""
    most, stop = _Most(), threading.Event()

    def watch() -> None:
        while not stop.wait(every):
            most.look(started.process.pid)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield most
    finally:
        stop.set()
        watcher.join()
        most.look(started.process.pid)


def _size(started: Product, number: int, most: _Most) -> Size:
    relations, disk = started.row("SELECT (SELECT count(*) FROM pg_class), pg_database_size(current_database())")
    return Size(number, relations, disk, most.backend, most.worker)


def _lines(one: Visits, first: Visits) -> list[Line]:
    number = one.size.workspaces
    lines = []
    for name, walls, before in (("board", one.board, first.board), ("card of a contact", one.card, first.card)):
        slow, than = figures.slow_end(walls), figures.slow_end(before)
        ratio = round(slow / than, 2)
        beside = "" if one is first else f"{first.size.workspaces} workspaces, {than:.1f} ms"
        lines.append(Line(f"{number} workspaces: {name}, p95", round(slow, 1), "ms", beside, ratio if beside else None, "at most 1.3" if beside else "", ratio <= 1.3 if beside else None))
        lines.append(Line(f"{number} workspaces: {name}, median", round(statistics.median(walls), 1), "ms"))
    for name, walls in zip(("board", "card of a contact"), one.first, strict=True):
        lines.append(Line(f"{number} workspaces: {name}, first visit, median", round(statistics.median(walls), 1), "ms", "to a firm whose tables no backend knows yet"))
    return [
        *lines,
        _memory(f"{number} workspaces: largest web worker, private", one.size.worker, "anew after 20,000 requests", most=WORKER),
        _memory(f"{number} workspaces: largest backend, private", one.size.backend, "closed after CRM_CONNECTION_WORKSPACES", most=BACKEND),
        Line(f"{number} workspaces: relations", one.size.relations, "relations"),
        Line(f"{number} workspaces: disk", round(one.size.disk / MB), "MB"),
    ]


def _memory(name: str, taken: int, how: str, *, most: int) -> Line:
    """The most that a process had, in MB; none seen at all is no figure."""
    return Line(name, round(taken / MB), "MB", how, goal=f"at most {most}", met=0 < taken <= most * MB)


def _plan(found: Sequence[Visits]) -> list[Line]:
    """Ten thousand, derived: databases of a thousand each."""
    if len(found) < 2:
        return []
    plan = figures.plan(found[0].size, found[-1].size, workspaces=PLANNED)
    name = f"plan for {plan.workspaces:,}, derived"
    return [
        Line(f"{name}: databases", plan.databases, "databases", f"of {figures.CELL} workspaces"),
        Line(f"{name}: relations of each", plan.relations, "relations"),
        Line(f"{name}: disk of each", round(plan.disk / MB), "MB", f"in all {plan.disk * plan.databases / 2**30:.0f} GB, empty but for a few rows"),
        Line(f"{name}: memory of a backend", round(plan.backend / MB), "MB", "at most: it is closed before it has seen more"),
        Line(f"{name}: memory of a web worker", round(plan.worker / MB), "MB"),
    ]


@dataclass(slots=True)
class Signups:
    """How the sign-ups went."""

    walls: list[float]
    again: int = 0
    refused: int = 0


def burst(number: int) -> list[Line]:
    """Sign-ups through the public form by several visitors without a pause, a pool of 20."""
    with product({"CRM_POOL_SIZE": "20", "CRM_SIGNUPS_AN_HOUR": "1000000"}) as started:
        processes.quiet(started.process.pid)
        done, left, lock = Signups([]), list(range(number)), threading.Lock()
        crew = [threading.Thread(target=_sign_up_all, args=(started, left, done, lock)) for _ in range(CLIENTS)]
        began = time.perf_counter()
        for one in crew:
            one.start()
        for one in crew:
            one.join()
        took = time.perf_counter() - began
        each = started.crm("measure-provisioning")["migrate_ms"] / 1000
    all_done = len(done.walls) == number
    theirs = figures.derived(each, sample=1, total=number)
    return [
        Line(f"{number} sign-ups by {CLIENTS} visitors, pool of 20", round(took, 1), "s", f"creating each by migrations, {theirs:.0f} s, derived", figures.times(theirs, took), "all within 60 s", all_done and took <= 60),
        Line("  done", len(done.walls), "sign-ups", f"{done.again} forms sent again, {done.refused} refused", goal=f"{number}", met=all_done),
        Line("  slowest", round(max(done.walls, default=0), 1), "s"),
        Line("  median", round(statistics.median(done.walls or [0]), 2), "s"),
    ]


def _sign_up_all(started: Product, left: list[int], done: Signups, lock: threading.Lock) -> None:
    while True:
        with lock:
            if not left:
                return
            at = left.pop()
        took, again = _sign_up(started, f"burst-{at}-{uuid.uuid4().hex[:6]}")
        with lock:
            done.again += again
            if took is None:
                done.refused += 1
            else:
                done.walls.append(took)


def _sign_up(started: Product, slug: str) -> tuple[float | None, int]:
    """Seconds from sending the form to the way over, or None where it was refused; how often it was sent again, as its page says."""
    browser = Browser(started.port, "localhost")
    form = {"csrfmiddlewaretoken": browser.token(browser.get("/start")), "email": f"{slug}@bench.example", "firm": slug, "slug": slug, "password": PASSWORD, "operation": str(uuid.uuid4())}
    began = time.perf_counter()
    for again in range(6):
        status, text, _headers = browser.ask("POST", "/start", form)
        if status == 303:
            return time.perf_counter() - began, again
        if status != 503:
            say(f"sign-up answered {status}: {text[:200]}")
            return None, again
    return None, again
