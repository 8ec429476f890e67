"""A whole workspace carried: archived, restored, moved, put to sleep and woken; each timed where its command is there."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from typing import Any

from . import processes, run
from .browser import Browser
from .run import CRM, Line, Product, say
from .tenancy import firm, product

SLUG, DORMANT = "carried", "dormant"


def lines(contacts: int, deals: int) -> list[Line]:
    """One large workspace archived, restored and moved, one small one woken."""
    found: list[Line] = []
    with product(None, "--databases", "2") as started:
        parts: list[tuple[tuple[str, ...], Callable[[Product, str], list[Line]]]] = [
            (("archive-workspace", "restore-workspace"), _archive), (("move-workspace",), _move), (("sleep-workspace",), _wake),
        ]  # fmt: skip
        there = [part for names, part in parts if all(has(started, name) for name in names)]
        if there:
            firm(started, SLUG)
            say(f"making {contacts} contacts and {deals} deals")
            started.crm("seed-workspace", "--workspace", SLUG, "--contacts", str(contacts), "--companies", str(contacts // 5), "--deals", str(deals), "--activities", str(contacts))
        for part in there:
            found += part(started, f"{contacts} contacts, {deals} deals")
    return found


def has(started: Product, name: str) -> bool:
    """Whether the command line has a command."""
    return subprocess.run([*CRM, "--data", str(started.data), name, "--help"], capture_output=True, env=run.environment(), check=False).returncode == 0  # noqa: S603 (our own program)


def _timed(started: Product, *arguments: str) -> tuple[float, Any]:
    began = time.perf_counter()
    answer = started.crm(*arguments)
    return time.perf_counter() - began, answer


def _archive(started: Product, size: str) -> list[Line]:
    path = started.data.parent / "carried.zip"
    archive, _answer = _timed(started, "archive-workspace", "--workspace", SLUG, "--out", str(path))
    restore, _answer = _timed(started, "restore-workspace", "--file", str(path), "--slug", "carried-back", "--plan", "business")
    return [
        Line("archive of a workspace", round(archive, 1), "s", size, goal="under 60 s", met=archive < 60),
        Line("  size", round(path.stat().st_size / 2**20, 1), "MB"),
        Line("restore of it", round(restore, 1), "s", size, goal="under 120 s", met=restore < 120),
    ]


def _move(started: Product, size: str) -> list[Line]:
    before = started.crm("move-workspace", "--workspace", SLUG, "--to", "cell2")
    if before["from"] == before["to"]:
        raise RuntimeError("it lives there already")
    took, back = _timed(started, "move-workspace", "--workspace", SLUG, "--back")
    still = max(before["stood_still_ms"] or 0, back["stood_still_ms"] or 0) / 1000
    return [
        Line("moving a workspace: read-only for", round(still, 2), "s", size, goal="under 5 s", met=still < 5),
        Line("  and back, in all", round(took, 1), "s", f"{back['rows']} rows"),
    ]


def _wake(started: Product, size: str) -> list[Line]:
    browser = firm(started, DORMANT)
    started.crm("seed-workspace", "--workspace", DORMANT, "--contacts", "1000", "--companies", "200", "--deals", "500", "--activities", "1000")
    browser.get("/board")
    asleep = _put_to_sleep(started)
    took = _visited(browser)
    [of_it] = started.row(f"SELECT waking_ms FROM control.nap JOIN control.workspace w ON w.id = workspace_id WHERE w.slug = '{DORMANT}' ORDER BY nap.id DESC LIMIT 1")  # noqa: S608 (a name of our own)
    return [
        Line("waking a dormant workspace, by a visit", round(took, 1), "s", "1000 contacts, to its first page", goal="under 5 s", met=took < 5),
        Line("  of it: its schema given back", round(of_it / 1000, 1), "s", "the page of waiting comes back each 2 s"),
        Line("  putting it to sleep", round(asleep, 1), "s"),
    ]


def _put_to_sleep(started: Product) -> float:
    """Seconds of putting it to sleep so that it stays so: what its seeding left to do is done first, since a job that is due wakes it again."""
    for _ in range(5):
        processes.quiet(started.process.pid)
        asleep, _answer = _timed(started, "sleep-workspace", "--workspace", DORMANT)
        time.sleep(12)  # what is believed of its address has aged
        if started.row(f"SELECT state FROM control.workspace WHERE slug = '{DORMANT}'") == ("asleep",):  # noqa: S608 (a name of our own)
            return asleep
        say("it was woken by its own work; once more")
    raise RuntimeError("it does not stay asleep")


def _visited(browser: Browser) -> float:
    """Seconds from the visit to the board, as a browser does it: the page of waiting says when it comes back."""
    began = time.perf_counter()
    status, text, headers = browser.ask("GET", "/board")
    if status != 503:
        raise RuntimeError(f"it was not asleep: {status}")
    while status == 503 and time.perf_counter() - began < 60:
        time.sleep(float(headers["Refresh"]))
        status, text, headers = browser.ask("GET", "/board")
    if status != 200 or "</html>" not in text:
        raise RuntimeError(f"it does not wake: {status}")
    return time.perf_counter() - began
