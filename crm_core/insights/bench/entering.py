"""What it costs to enter a workspace: round trips and processor time beside a plain transaction and beside stock django-tenants."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import connections, transaction
from django.test import Client

from crm_platform.db import sides
from tenants import routing
from tenants.models import Domain
from tenants.provisioning import owner

from . import processes
from .wire import tapped

ROUNDS = 7


def _statement() -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()


def measure(slug: str, *, path: str, cookie: str, times: int) -> dict[str, Any]:
    """Round trips and microseconds of processor time (ours and the backend's) of one statement in a transaction, entered three ways; round trips of a page.

    The page is asked in this process, with the session of `cookie`. Needs the owner's login: stock django-tenants speaks by it.
    """
    host = f"{slug}.{settings.PUBLIC_HOST}"
    with sides.control_unit():
        schema = Domain.objects.select_related("tenant").get(domain=slug).tenant.schema_name
    ways = {"ours": lambda: _ours(host), "plain": lambda: _plain("cell1"), "stock": lambda: _stock(slug, schema)}
    with tapped("cell1") as cell, tapped("control") as control, tapped("owner") as owners:
        trips = {name: _trips(way, lambda: cell.trips + control.trips + owners.trips) for name, way in ways.items()}
        browser = Client(HTTP_HOST=host)
        browser.cookies[settings.SESSION_COOKIE_NAME] = cookie
        page = _trips(lambda: _ask(browser, path), lambda: cell.trips)
        asked_of_control = _trips(lambda: _ask(browser, path), lambda: control.trips)
    spent = _spent(ways, times=times)
    return {"trips": trips, "page_trips": page, "page_control_trips": asked_of_control, "microseconds": spent}


def _ours(host: str) -> None:
    """As the middleware does: the address, the registry's word, the unit of work."""
    _side, key = routing.address_of(host)
    found = routing.find_by_address(key)
    if found is None:
        raise RuntimeError("the workspace is gone")
    with sides.unit(found.place):
        _statement()


def _plain(alias: str) -> None:
    with sides.seat(alias), transaction.atomic(durable=True):
        _statement()


def _stock(slug: str, schema: str) -> None:
    """As django-tenants' middleware does: to the public schema, the domain's row, to the tenant's schema; the owner's connection has its backend's ways."""
    connection = owner.connection()
    connection.set_schema_to_public()
    domain = Domain.objects.using("owner").select_related("tenant").get(domain=slug)
    connection.set_schema(domain.tenant.schema_name)
    with owner.seated(), transaction.atomic(durable=True):
        _statement()
    if domain.tenant.schema_name != schema:
        raise RuntimeError("another workspace has the address")


def _ask(browser: Client, path: str) -> None:
    status = browser.get(path).status_code
    if status != 200:
        raise RuntimeError(f"{path} answered {status}")


def _trips(work: Callable[[], Any], count: Callable[[], int]) -> int:
    """Round trips of one time, when it has been done before: addresses are known, statements prepared."""
    for _ in range(8):
        work()
    before = count()
    work()
    return count() - before


def _spent(ways: dict[str, Callable[[], Any]], *, times: int) -> dict[str, float]:
    """Medians over rounds in which the ways take turns."""
    backends = {name: _backend("owner" if name == "stock" else "cell1") for name in ways}
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            way()
            mine, theirs = time.process_time(), processes.seconds([backends[name]])
            for _ in range(times):
                way()
            spent = time.process_time() - mine + processes.seconds([backends[name]]) - theirs
            found[name].append(spent / times * 1_000_000)
    return {name: round(statistics.median(values), 1) for name, values in found.items()}


def _backend(alias: str) -> int:
    """The process that serves an alias's connection of this thread; both are on one machine here."""
    with sides.outside(), sides.seat(alias), connections["default"].cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid = int(cursor.fetchone()[0])
    if "postgres" not in processes.command_of(pid) or pid == os.getpid():
        raise RuntimeError("the database runs on another machine")
    return pid
