"""A sign of life from long work, by a thread beside it: statements of many minutes cannot be cut up to give one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connections

Check = Callable[[], None]


@contextmanager
def beating(beat: Callable[[], None], *, every: float = 8.0) -> Iterator[Check]:
    """Call `beat` every few seconds while the block runs. Gives a function that raises what `beat` raised, to be called now and then."""
    stop, wrong = threading.Event(), list[Exception]()

    def go_on() -> None:
        while not stop.wait(every):
            try:
                beat()
            except Exception as error:  # broad: it is raised again in the thread that works
                wrong.append(error)
                break
        connections.close_all()

    def check() -> None:
        if wrong:
            raise wrong[0]

    thread = threading.Thread(target=go_on, name="pulse", daemon=True)
    thread.start()
    try:
        yield check
    finally:
        stop.set()
        thread.join()
