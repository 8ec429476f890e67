"""What a question to the open API asks of the database, and how long that takes alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import connections
from django.test import Client

from crm_platform.db import sides
from tenants.finding import awake


def measure(slug: str, *, path: str, token: str, times: int) -> dict[str, Any]:
    """The statements of one asking in the workspace's database, sent again on the same connection with all their rows read, so many times: milliseconds of each time."""
    statements: list[tuple[str, Any]] = []

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        statements.append((sql, params))
        return execute(sql, params, many, context)

    browser = Client(HTTP_HOST=f"{slug}.{settings.PUBLIC_HOST}")
    for _ in range(6):
        _ask(browser, path, token)
    with connections[awake(slug).place.alias].execute_wrapper(note):
        _ask(browser, path, token)
    read = [(sql, params) for sql, params in statements if sql.lstrip().upper().startswith(("SELECT", "WITH"))]
    with sides.unit(awake(slug).place):
        walls = [_alone(read) for _ in range(times + 3)][3:]
    return {"statements": len(read), "walls": walls}


def _ask(browser: Client, path: str, token: str) -> None:
    answer = browser.get(path, headers={"Authorization": f"Bearer {token}"})
    if answer.status_code != 200:
        raise RuntimeError(f"{path} answered {answer.status_code}")


def _alone(statements: list[tuple[str, Any]]) -> float:
    began = time.perf_counter()
    for sql, params in statements:
        with connections["default"].cursor() as cursor:
            cursor.execute(sql, params)
            cursor.fetchall()
    return (time.perf_counter() - began) * 1000
