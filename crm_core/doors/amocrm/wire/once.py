"""Idempotency-Key: a request that is sent twice is done once, and answered twice alike."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from django.db import connection
from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _

from crm_platform.events.models import InboxMessage
from crm_platform.kernel import clock, secrets_box
from crm_platform.kernel.errors import CrmError

if TYPE_CHECKING:
    from .asking import Asked

KIND = "api.answer"
# What an answer says of itself that holds a secret: it is kept sealed.
SECRET = "no-store, private"  # noqa: S105 (a header)
# Waits for another request of the same key that is under way, and then finds its row.
_BEGIN = "INSERT INTO inbox_message (operation, kind, body, received_at) VALUES (%s, %s, '{}', %s) ON CONFLICT DO NOTHING"


class KeyUsed(CrmError):
    """The same key came with another request before."""

    code, status = "idempotency_key_used", 422
    sentence = _("This Idempotency-Key was used for another request. Choose a new one.")


def once(asked: Asked, answer: Callable[[], HttpResponse]) -> HttpResponse:
    """The answer, or the one that was given to the same key of the same program before. Raises KeyUsed.

    The answer is kept in the transaction of the write: what was rolled back may be tried again.
    """
    key = asked.request.headers.get("Idempotency-Key", "").strip()
    if not key or asked.request.method in ("GET", "HEAD"):
        return answer()
    operation = "api:" + hashlib.sha256(f"{asked.actor.user_id}\n{asked.actor.via}\n{key}".encode()).hexdigest()
    print_ = hashlib.sha256(f"{asked.request.method}\n{asked.request.get_full_path()}\n".encode() + asked.raw).hexdigest()
    with connection.cursor() as cursor:
        cursor.execute(_BEGIN, [operation, KIND, clock.real_now()])
        fresh = cursor.rowcount == 1
    if not fresh:
        return _again(InboxMessage.objects.get(pk=operation), print_)
    response = answer()
    text, sealed = response.content.decode(), response.headers.get("Cache-Control") == SECRET
    body = {"asked": print_, "status": response.status_code, "type": response.headers.get("Content-Type", ""), "text": secrets_box.encrypt(text) if sealed else text, "sealed": sealed}
    InboxMessage.objects.filter(pk=operation).update(body=body, applied_at=clock.real_now())
    return response


def _again(kept: InboxMessage, print_: str) -> HttpResponse:
    if kept.body.get("asked") != print_:
        raise KeyUsed
    text = secrets_box.decrypt(kept.body["text"]) if kept.body.get("sealed") else kept.body["text"]
    response = HttpResponse(text, status=kept.body["status"], headers={"Idempotency-Replayed": "true"})
    if kept.body["type"]:
        response.headers["Content-Type"] = kept.body["type"]
    else:
        del response.headers["Content-Type"]
    return response
