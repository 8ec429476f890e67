"""Ways in that are no request: jobs, the queue's messages, files, the cache, and what a process keeps in mind."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import redis
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from psycopg import sql

from crm_platform.db import sides
from crm_platform.jobs import serving, turns
from crm_platform.jobs.models import Job
from crm_platform.kernel import files as stored
from crm_platform.kernel import ids, jobs, workspace

from . import watching
from .houses import House
from .trying import Request, Trial, in_batches, knock, must_not_trip
from .ways_by_request import _numbers

# Keys that name no workspace, each with its reason; every other key begins with one.
_ROOT_KEYS = re.compile(
    r"control[:.]"  # the control side's own
    r"|(?:wake|slots):(?:control|[0-9a-z]{16}):\d+\Z"  # the queue's, which name the workspace themselves
    r"|active\Z|serve\Z|unacked|_kombu|celery"  # who was active lately; the broker's own
    r"|turns:|neighbours:[a-z]+:\d+\Z|keeper:called\Z"  # whose turn it is and who took how much, by public id; a word to the keeper
)
_PREFIX = re.compile(r"[0-9a-z]{16}\.\d+:")


def work(trial: Trial) -> None:
    """Every registered job, run in one workspace with the numbers of another."""
    houses = trial.houses
    with _workers_kept_out(houses.all()):
        in_batches(trial, "job", _job_attempts(trial), still=(houses.other, houses.twin))
    for found in watching.references(houses.mine.place):
        trial.fail("job", f"a row of one's own names another's: {found}")


def _job_attempts(trial: Trial) -> Iterator[bool]:
    mine = trial.houses.mine
    numbers = _numbers(trial.houses.other)[:3]
    for name in jobs.names():
        for number in numbers:
            with sides.unit(mine.place):
                Job.objects.all().delete()
                Job.objects.create(name=name, target=number)
            serving.serve_side(lambda: workspace.unit(mine.place.public_id), seconds=2.0)
            trial.count("job")
            yield True
    with sides.unit(mine.place):
        Job.objects.all().delete()  # what failed waits for its next try, with the other's number as its target


def messages(trial: Trial) -> None:
    """The queue's messages that name another workspace, a past or coming generation, or nobody: no row moves."""
    houses = trial.houses
    with _workers_kept_out(houses.all()):
        for house in houses.all():
            with sides.unit(house.place):
                Job.objects.all().delete()
                Job.objects.create(name="isolation.no-such-job", target=1)
        in_batches(trial, "message", _message_attempts(trial), still=houses.all())


@contextmanager
def _workers_kept_out(houses: Iterable[House]) -> Iterator[None]:
    """Where workers run, they would rightly serve the houses meanwhile: hold every place at their tables. A message of another generation has a table of its own."""
    with ExitStack() as held:
        for house in houses:
            held.enter_context(turns.kept_out(house.place.public_id, house.place.generation))
        yield


def _message_attempts(trial: Trial) -> Iterator[bool]:
    for house in trial.houses.all():
        place = house.place
        false = [(place.public_id, generation) for generation in (0, place.generation + 1, -1)]
        false += [(ids.random_id(), 1), (place.schema, place.generation), (place.slug, place.generation), (place.public_id[::-1], 1), ("control", 7), ("", 0)]
        for public_id, generation in false:
            serving.serve(turns.Turn(public_id, generation, holder="proof", long_work=False))
            trial.count("message")
            yield True


def files(trial: Trial) -> None:
    """Every file of the others: by its path in an address, and by a row of one's own that was made to name it."""
    mine = trial.houses.mine
    found = 0
    for of in (trial.houses.other, trial.houses.twin):
        kept = [name for name, _size in stored.of_workspace(of.place.public_id)]
        found += len(kept)
        in_batches(trial, "file", _raw_paths(trial, of, kept), still=(mine, of))
        in_batches(trial, "file", _forged_rows(trial, of, kept), still=(mine, of))
    if not found:
        trial.fail("file", "the others have no file to try")


def _raw_paths(trial: Trial, of: House, kept: list[str]) -> Iterator[bool]:
    client = trial.houses.mine.client()
    for inner in kept:
        for address in (f"/{inner}", f"/media/{inner}", f"/files/{inner}", f"/static/../{inner}", f"/static/%2e%2e/{inner}", f"/files/1/../../{inner}"):
            knock(trial, "file", client, Request("GET", address), judge=must_not_trip, of=(of,))
            yield True


def _forged_rows(trial: Trial, of: House, kept: list[str]) -> Iterator[bool]:
    mine = trial.houses.mine
    named = _columns_with_paths(of, kept)
    missed = [name for name in kept if not any(name in names for names in named.values())]
    for name in missed:
        trial.fail("file", f"no row names the file {PurePosixPath(name).parent}/…: it cannot be tried")
    client = mine.client()
    for (table, column), names in named.items():
        before = _values(mine, table, column)
        for name in names if trial.whole else names[:1]:
            for forged in _ways_to(name)[: 5 if trial.whole else 3 if of is trial.houses.other else 1]:
                _write(mine, table, column, forged)
                for addresses in trial.learnt.own.values():
                    for address in addresses if trial.whole else addresses[:1]:
                        if re.search(r"\d", address):
                            knock(trial, "file", client, trial.look(mine, address), judge=_no_matter, of=(of,))
                _restore(mine, table, column, before)
                yield True


def _no_matter(_answer: Any) -> str:
    """A forged row is a row that cannot be: its page may trip, if only it shows nothing."""
    return ""


def _ways_to(name: str) -> list[str]:
    return [name, f"../../../{name}", str(Path(settings.MEDIA_ROOT, name)), PurePosixPath(name).name, f"x/../../../{name}"]


def _columns_with_paths(of: House, kept: list[str]) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    with sides.unit(of.place):
        for table, row in watching.rows():
            for column, value in row.items():
                for name in kept:
                    if isinstance(value, str) and value and f"/{name}".endswith(f"/{value}"):
                        found.setdefault((table, column), []).append(name)
    return found


def _values(house: House, table: str, column: str) -> list[tuple[int, str]]:
    with sides.unit(house.place):
        return [(row["id"], row[column]) for name, row in watching.rows() if name == table]


def _write(house: House, table: str, column: str, value: str) -> None:
    with sides.unit(house.place), connection.cursor() as cursor:
        cursor.execute(sql.SQL("UPDATE {} SET {} = %s").format(sql.Identifier(table), sql.Identifier(column)), [value])


def _restore(house: House, table: str, column: str, values: list[tuple[int, str]]) -> None:
    with sides.unit(house.place), connection.cursor() as cursor:
        for pk, value in values:
            cursor.execute(sql.SQL("UPDATE {} SET {} = %s WHERE id = %s").format(sql.Identifier(table), sql.Identifier(column)), [value, pk])


def kept_keys(trial: Trial) -> None:
    """Every key in Redis begins with its workspace; every key of the others, asked for from here, is not there."""
    mine = trial.houses.mine
    for url in {settings.CACHE_REDIS_URL, settings.REDIS_URL}:
        for raw in redis.Redis.from_url(url).scan_iter(count=1000):
            key = raw.decode("utf-8", "replace")
            if not _PREFIX.match(key) and not _ROOT_KEYS.match(key):
                trial.fail("cache", f"the key {key[:60]} names no workspace")
            trial.count("cache")
    for of in (trial.houses.other, trial.houses.twin):
        _ask_for_keys(trial, mine, of)


def _ask_for_keys(trial: Trial, mine: House, of: House) -> None:
    """Django's keys of a house, asked for by their bare names from another that has none of that name."""
    store, head = redis.Redis.from_url(settings.CACHE_REDIS_URL), f"{of.place.prefix}:"
    for raw in store.scan_iter(match=f"{head}*", count=1000):
        rest = raw.decode("utf-8", "replace").removeprefix(head)
        if store.exists(f"{mine.place.prefix}:{rest}") or rest.count(":") < 2:
            continue
        with sides.inside(mine.place):
            if cache.get(rest.split(":", 2)[2]) is not None:
                trial.fail("cache", f"{rest[:60]} is found from another workspace")
        trial.count("cache")


def minds(trial: Trial) -> None:
    """Each page of one workspace, then of its twin with the same numbers, in one process: what was kept of the first is not shown to the second."""
    mine, twin = trial.houses.mine, trial.houses.twin
    clients = {mine.mark: mine.client(), twin.mark: twin.client()}
    for addresses in trial.learnt.own.values():
        for address in addresses if trial.whole else addresses[:1]:
            for at, of in ((mine, twin), (twin, mine), (mine, twin)):
                knock(trial, "memory", clients[at.mark], Request("GET", address), judge=must_not_trip, of=(of,))
