"""A request's id, spoken number and log line."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from crm_platform.kernel import context, ids

_log = logging.getLogger("kartoteka.http")
_GIVEN = re.compile(r"[A-Za-z0-9_.-]{8,64}\Z")


class TracingMiddleware:
    """Outermost of all: binds the request id (a proxy's, if it looks like one) and writes one line when done."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-Id", "")
        request_id = given if _GIVEN.match(given) else ids.spoken_number()
        request.request_id = request_id  # type: ignore[attr-defined]
        started = time.perf_counter()
        with context.bind(request=request_id):
            response = self.get_response(request)
            self._say(request, response, started=started)
        response.headers["X-Request-Id"] = request_id
        return response

    def _say(self, request: HttpRequest, response: HttpResponse, *, started: float) -> None:
        match = request.resolver_match
        # The route, not the path: paths hold tokens and names.
        _log.info(
            "served",
            extra={
                "method": request.method,
                "route": match.route if match else "",
                "status": response.status_code,
                "ms": round((time.perf_counter() - started) * 1000, 1),
                "workspace": getattr(request, "of_workspace", "control"),
            },
        )
