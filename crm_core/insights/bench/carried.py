"""A whole workspace carried: archived, restored, moved, put to sleep and woken; each timed where its command is there."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from typing import Any

from . import run
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
    asleep, _answer = _timed(started, "sleep-workspace", "--workspace", DORMANT)
    time.sleep(12)  # what is believed of its address has aged
    began = time.perf_counter()
    while browser.ask("GET", "/board")[0] != 200:
        if time.perf_counter() - began > 60:
            raise RuntimeError("it does not wake")
        time.sleep(0.1)
    took = time.perf_counter() - began
    return [
        Line("waking a dormant workspace, by a visit", round(took, 1), "s", "1000 contacts", goal="under 5 s", met=took < 5),
        Line("  putting it to sleep", round(asleep, 1), "s"),
    ]
