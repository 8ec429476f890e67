"""/healthz: live (the process answers), ready (it can serve), and a summary; for any host, before any routing."""

from __future__ import annotations

from collections.abc import Callable

from django.core.cache import cache
from django.db import DatabaseError, connections
from django.http import HttpRequest, HttpResponse, JsonResponse
from redis.exceptions import RedisError

from crm_platform import __version__

Check = Callable[[], str]
_checks: dict[str, Check] = {}


def check(name: str) -> Callable[[Check], Check]:
    """Register a check: returns "ok", or a short word of what is wrong."""

    def keep(function: Check) -> Check:
        _checks[name] = function
        return function

    return keep


@check("database")
def database() -> str:
    """The control side answers a query."""
    try:
        with connections["control"].cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        connections["control"].close()
        return "unreachable"
    return "ok"


@check("redis")
def redis() -> str:
    """The cache answers."""
    try:
        cache.get("healthz")
    except RedisError:
        return "unreachable"
    return "ok"


class HealthMiddleware:
    """Answers the three addresses itself."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith("/healthz"):
            return self.get_response(request)
        if request.path_info.rstrip("/") == "/healthz/live":
            return JsonResponse({"status": "ok"})
        found = {name: run() for name, run in _checks.items()}
        ready = {name: found[name] for name in ("database", "redis")}
        asked = ready if request.path_info.rstrip("/") == "/healthz/ready" else found
        well = all(value == "ok" for value in asked.values())
        body = {"status": "ok" if well else "failing", "version": __version__, "checks": asked}
        return JsonResponse(body, status=200 if well else 503)
