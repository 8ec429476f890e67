"""POST /webhooks/in/stripe: the door of the provider's events."""

from __future__ import annotations

import hashlib
import logging

from django.http import HttpRequest, JsonResponse, RawPostDataException
from django.http.request import UnreadablePostError
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from . import inbox
from .protocol import BadPayload, BadSignature

_log = logging.getLogger("kartoteka.billing")
LARGEST = 512 * 1024


@csrf_exempt
@require_POST
def receive(request: HttpRequest, provider: str) -> JsonResponse:
    """Keep it once and answer at once. 400 for what nobody signed or nobody can read, 413 for what is too large; 404 where the provider is not set up."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > LARGEST:
        return _refused("too_large", 413)
    try:
        body = request.body
        kept = inbox.take_in(provider, raw=body, headers=request.headers)
    except (BadSignature, BadPayload) as error:
        # The body is not kept, and not logged: whoever floods us fills nothing.
        _log.warning("an event was refused", extra={"code": error.code, "provider": provider, "digest": hashlib.sha256(body).hexdigest(), "address": request.META.get("REMOTE_ADDR", "")})
        return _refused(error.code, error.status)
    except (UnreadablePostError, RawPostDataException):
        return _refused("unreadable", 400)
    return JsonResponse({"received": True, "status": kept.status})


def _refused(code: str, status: int) -> JsonResponse:
    return JsonResponse({"code": code}, status=status)
