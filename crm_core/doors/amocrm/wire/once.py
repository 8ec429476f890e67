"""Idempotency-Key: a request that is sent twice is done once, and answered twice alike."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import connection
from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _

from crm_platform.db import sides
from crm_platform.events.models import InboxMessage
from crm_platform.jobs import rows
from crm_platform.kernel import clock, jobs, secrets_box, workspace
from crm_platform.kernel.errors import CrmError
from crm_platform.kernel.jobs import Lease

if TYPE_CHECKING:
    from .asking import Asked

KIND = "api.answer"
FORGET = "api.forget_answers"
# For how long a key is known again, and how many answers are forgotten in one unit.
KEPT_FOR, EVERY, AT_ONCE = timedelta(days=7), timedelta(days=1), 500
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

    The answer is kept in the transaction of the write: what was rolled back may be tried again. After seven days the key is a new one.
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
    rows.one_waiting(FORGET, 0, key=FORGET, at=clock.real_now() + EVERY)
    return response


@jobs.register(FORGET)
def forget(_pk: int, *, lease: Lease) -> None:
    """Forget the answers of keys that are past; come again tomorrow while there are any."""
    before = clock.real_now() - KEPT_FOR
    while True:
        with sides.unit(workspace.here()):
            lease.beat()
            answers = InboxMessage.objects.filter(kind=KIND)
            gone = list(answers.filter(received_at__lt=before).values_list("pk", flat=True)[:AT_ONCE])
            answers.filter(pk__in=gone).delete()
            if len(gone) < AT_ONCE:
                if answers.exists():
                    rows.one_waiting(FORGET, 0, key=FORGET, at=clock.real_now() + EVERY)
                return


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
