"""POST /webhooks/in/<source>."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from . import services


@csrf_exempt
@require_POST
def receive(request: HttpRequest, source: str) -> JsonResponse:
    """Store once, answer fast: 200 also for a delivery that we have already."""
    services.take_in(source, headers=request.headers, body=request.body)
    return JsonResponse({"received": True})
