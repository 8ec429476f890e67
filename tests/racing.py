"""Several at one moment: what a test has threads do."""

from __future__ import annotations

import threading
from collections.abc import Callable

from django.db import connections


def at_once(number: int, work: Callable[[], object]) -> None:
    """`work` in so many threads at once, until all have ended; each leaves its connections closed."""

    def one() -> None:
        try:
            work()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=one) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
