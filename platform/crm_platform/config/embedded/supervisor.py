"""Keeps the product's processes running until it is told to stop."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from . import children

# A child that fell over is started again after this many seconds, doubled each time it falls quickly.
FIRST_PAUSE, LONGEST_PAUSE, QUICK = 0.5, 30.0, 10.0


@dataclass(slots=True)
class Process:
    """One process of the product and how to start it."""

    name: str
    command: Sequence[str | Path]
    environment: dict[str, str]
    log: Path
    child: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause: float = FIRST_PAUSE
    again_at: float = 0.0


@dataclass(slots=True)
class Supervisor:
    """Starts processes in order, restarts the fallen, stops all in reverse order. `before` is called at each look: for what they stand on."""

    say: Callable[[str], None]
    processes: list[Process] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)
    before: Callable[[], None] = lambda: None

    def add(self, process: Process) -> None:
        """Start one more process and look after it."""
        self._start(process)
        self.processes.append(process)

    def watch(self) -> None:
        """Look after the processes until SIGINT or SIGTERM."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_args: self.stopping.set())
        while not self.stopping.wait(0.5):
            self.look()

    def look(self) -> None:
        """One look: start again what has fallen and waited long enough."""
        self.before()
        for process in self.processes:
            if process.child is not None and process.child.poll() is not None:
                self._fell(process)
            if process.child is None and time.monotonic() >= process.again_at:
                self._start(process)

    def stop(self) -> None:
        """Stop all, the last started first."""
        for process in reversed(self.processes):
            if process.child is not None:
                children.stop(process.child, patience=15)
                process.child = None

    def _start(self, process: Process) -> None:
        process.started = time.monotonic()
        try:
            process.child = children.start(process.command, log=process.log, environment=process.environment)
        except OSError as error:  # no room for its log, no memory for a child: tried again like one that fell
            self._fell(process, why=f"{process.name} could not be started ({error.strerror})")

    def _fell(self, process: Process, *, why: str = "") -> None:
        quick = time.monotonic() - process.started < QUICK
        process.pause = min(process.pause * 2, LONGEST_PAUSE) if quick else FIRST_PAUSE
        process.again_at = time.monotonic() + process.pause
        process.child = None
        self.say(f"{why or f'{process.name} stopped by itself'} and is started again; its log is {process.log}")
