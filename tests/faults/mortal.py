"""The mother of all that dies here: it reads the program once, then makes a process (a fork of itself) for each act.

Run as a program of its own, with the addresses of the world's servers in its environment. A line on its standard input is an
act: a function of `tests.faults.acts`, what it is given, and the point it is to die at. A line of answer says how it ended.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

# Seconds: one that hangs is ended, and seen not to have died of a kill.
LONGEST = 300


def main() -> None:
    """Serve until the input ends."""
    import django

    django.setup()
    _read()
    for line in sys.stdin:
        asked = json.loads(line)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            _act(asked, writing)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            said = pipe.read()
        _child, status = os.waitpid(child, 0)
        ended = {"signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0, "answer": json.loads(said) if said else {}}
        sys.stdout.write(json.dumps(ended) + "\n")
        sys.stdout.flush()


def _read() -> None:
    """All that the children need, once for them all. No connection is opened: a fork must not share one."""
    from django.conf import settings
    from django.urls import get_resolver
    from django.utils.module_loading import autodiscover_modules

    autodiscover_modules("commands")
    for urls in (settings.ROOT_URLCONF, settings.WORKSPACE_URLCONF):
        _all_of(get_resolver(urls).url_patterns)
    for path in sorted((Path(__file__).parent / "acts").glob("[a-z]*.py")):
        importlib.import_module(f"tests.faults.acts.{path.stem}")
    importlib.import_module("tests.conftest")
    gc.collect()
    gc.freeze()  # what all share is not looked through, and copied, by each child


def _all_of(patterns: list[Any]) -> None:
    for pattern in patterns:
        _all_of(getattr(pattern, "url_patterns", []))


def _act(asked: dict[str, Any], pipe: int) -> None:
    from django.conf import settings

    from crm_platform.kernel import points

    signal.alarm(LONGEST)
    if asked["victim"]:  # a server dies in our place, and we meet what it leaves
        points.die = lambda: _kill_once(settings, asked["victim"])
    settings.KILLED_AT = asked["at"]
    try:
        module, _dot, name = asked["act"].rpartition(".")
        with contextlib.redirect_stdout(sys.stderr):
            answer = {"value": getattr(importlib.import_module(f"tests.faults.acts.{module}"), name)(*asked["given"])}
            if asked["settles"]:
                importlib.import_module("tests.faults.acts.whole").check()
    except BaseException:
        answer = {"error": traceback.format_exc()}
    with os.fdopen(pipe, "wb") as file:
        file.write(json.dumps(answer).encode())
    os._exit(0)


def _kill_once(settings: Any, victim: int) -> None:
    settings.KILLED_AT = ""
    os.kill(victim, signal.SIGKILL)


if __name__ == "__main__":
    main()
