"""Visitors that ask for pages while something else is done, and count what fails."""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from .browser import Browser

PATHS = ("/board", "/contacts", "/contacts/new", "/day")
# Seconds between two requests of one visitor: people, no flood.
PAUSE = 0.1


@dataclass(slots=True)
class Answers:
    """What the visitors got so far: statuses, or the name of what went wrong."""

    found: Counter[str] = field(default_factory=Counter)

    @property
    def asked(self) -> int:
        return self.found.total()

    @property
    def failed(self) -> int:
        return sum(number for name, number in self.found.items() if name not in {"200", "204", "302", "303"})


@contextmanager
def running(browsers: Sequence[Browser]) -> Iterator[Answers]:
    """One visitor for each logged-in browser while the block runs: reads, and writes a contact in each round."""
    answers, over = Answers(), threading.Event()
    crew = [threading.Thread(target=_visit, args=(browser, answers, over)) for browser in browsers]
    for one in crew:
        one.start()
    try:
        yield answers
    finally:
        over.set()
        for one in crew:
            one.join()


def _visit(browser: Browser, answers: Answers, over: threading.Event) -> None:
    while not over.is_set():
        for path in PATHS:
            text = _ask(browser, answers, "GET", path)
            if path.endswith("/new") and "csrfmiddlewaretoken" in text:
                _ask(browser, answers, "POST", path, {"csrfmiddlewaretoken": browser.token(text), "first_name": "Ada"})
            time.sleep(PAUSE)


def _ask(browser: Browser, answers: Answers, method: str, path: str, form: dict[str, str] | None = None) -> str:
    try:
        status, text, _headers = browser.ask(method, path, form)
    except (OSError, http.client.HTTPException) as error:
        answers.found[type(error).__name__] += 1
        browser.connection.close()
        return ""
    answers.found[str(status)] += 1
    return text
