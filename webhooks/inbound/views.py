"""POST /webhooks/in/<source>."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from crm_platform.kernel.http.errors import Unreadable

from . import services
from .sources import find


@csrf_exempt
@require_POST
def receive(request: HttpRequest, source: str) -> JsonResponse:
    """Store once, answer fast: 200 also for a delivery that we have already."""
    services.take_in(source, headers=request.headers, body=_body(request, find(source).largest))
    return JsonResponse({"received": True})


def _body(request: HttpRequest, largest: int) -> bytes:
    """The raw body, also above what a form may have. Raises Unreadable beyond the source's bound."""
    body: bytes = request.read(largest + 1)
    if len(body) > largest:
        raise Unreadable
    return body
