"""The whole proof: houses made and filled, addresses learnt, every way tried, the result kept on the control side."""

from __future__ import annotations

import logging
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from crm_platform.db import sides
from crm_platform.kernel import clock, neighbours
from crm_platform.letters import post
from tenants.models import IsolationProof
from tenants.provisioning import owner

from . import filling, houses, reading, routes, watching, ways_beside, ways_by_request, ways_of_programs
from .trying import Trial

# In this order: first what must change nothing, then what may change `mine`.
KINDS: tuple[tuple[str, Callable[[Trial], None]], ...] = (
    ("session", ways_by_request.sessions),
    ("token", ways_by_request.tokens),
    ("link", ways_by_request.signed_links),
    ("password", ways_by_request.passwords),
    ("memory", ways_beside.minds),
    ("file", ways_beside.files),
    ("query", ways_by_request.queries),
    ("address", ways_by_request.addresses),
    ("cache", ways_beside.kept_keys),
    ("form", ways_by_request.forms),
    ("word", ways_of_programs.words),
    ("program", ways_of_programs.operations),
    ("job", ways_beside.work),
    ("message", ways_beside.messages),
)


@dataclass(frozen=True, slots=True)
class Result:
    """What a proof found."""

    attempts: dict[str, int]
    refused: dict[str, int]
    failures: list[str]
    routes: int
    unopened: list[str]
    seconds: float

    @property
    def total(self) -> int:
        """All attempts."""
        return sum(self.attempts.values())

    @property
    def holds(self) -> bool:
        """Whether nothing came through, and nothing was left untried."""
        return not self.failures


def prove(*, attempts: int = 0) -> Result:
    """Try every way in at least once, and go on to so many attempts. Needs the owner's login."""
    began = time.monotonic()
    with prepared(attempts=attempts) as trial:
        run(trial)
    return Result(trial.counts, trial.refused, trial.failures, len(trial.routes), _unopened(trial), round(time.monotonic() - began, 1))


@contextmanager
def prepared(*, attempts: int = 0) -> Iterator[Trial]:
    """Houses made and filled, addresses learnt: what every kind works with."""
    if not owner.held():
        raise owner.NotTheKeeper
    with _quietly(), post.unsent(), neighbours.unbounded(), houses.made() as built:
        trial = Trial(built, [], reading.Learnt(), {}, attempts)
        for house in built.all():
            for table in filling.fill(house):
                trial.fail("filling", f"the table {table} stayed empty: write its row in a module `proving` of its slice")
        for house in built.all():
            trial.secrets[house.mark] = watching.secrets_of(house, [one for one in built.all() if one is not house])
            trial.tokens[house.mark], trial.words[house.mark] = house.token(), watching.names(house.place)
        if not trial.secrets[built.other.mark].numbers:
            trial.fail("filling", "the other workspace does not count from its own number: somebody signed up in between; run it again")
        try:
            trial.routes = routes.workspace_routes()
            trial.learnt = reading.learn(built.twin, trial.routes)
        except routes.CannotTry as error:
            trial.fail("address", str(error))
        yield trial


def run(trial: Trial, kinds: Sequence[str] = ()) -> None:
    """Try the kinds named, or all, and look at the end whether a row of one holds the word of another."""
    for name, attempt in KINDS:
        if trial.routes and (not kinds or name in kinds):
            attempt(trial)
            if not trial.counts.get(name):
                trial.fail(name, "nothing of this kind could be tried")
    _marks(trial)


def _unopened(trial: Trial) -> list[str]:
    """Addresses that showed no page and whose form stood on none: tried like all, but by their bare path."""
    return [route.text for route in trial.routes if route.text not in trial.learnt.own and not trial.learnt.forms_of(route)]


def _marks(trial: Trial) -> None:
    """At the end no row of one holds the word of another."""
    for at in trial.houses.all():
        for of in trial.houses.all():
            for table in watching.rows_with(at.place, of.mark) if at is not of else ():
                trial.fail("rows", f"{table} of {at.mark} holds the word of {of.mark}")


@contextmanager
def _quietly() -> Iterator[None]:
    """Thousands of served and refused requests are no news."""
    loggers = [logging.getLogger(name) for name in ("kartoteka", "django.security")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


def commit() -> str:
    """The commit of a checkout; empty where there is none."""
    try:
        found = subprocess.run(["git", "rev-parse", "HEAD"], cwd=settings.ROOT, capture_output=True, text=True, timeout=10, check=False)  # noqa: S607 (git as the machine has it)
    except OSError:
        return ""
    return found.stdout.strip() if found.returncode == 0 else ""


def row(result: Result) -> dict[str, Any]:
    """The values of the row that keeps a result."""
    return {
        "proved_at": clock.real_now(), "commit": commit(), "attempts": result.total, "kinds": result.attempts, "failures": result.failures,
        "routes": result.routes, "seconds": result.seconds,
    }  # fmt: skip


def keep(result: Result) -> IsolationProof:
    """Keep the result for the operators. Opens a control unit."""
    with sides.control_unit():
        return IsolationProof.objects.create(**row(result))


def described(result: Result, *, kept: IsolationProof) -> dict[str, Any]:
    """The result as the command line prints it."""
    return {
        "at": kept.proved_at, "commit": kept.commit, "holds": result.holds, "attempts": result.total, "refused": sum(result.refused.values()), "kinds": result.attempts,
        "routes": result.routes, "unopened": result.unopened, "failures": result.failures, "seconds": result.seconds,
    }  # fmt: skip
