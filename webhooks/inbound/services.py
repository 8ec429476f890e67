"""Taking in and handling deliveries."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta

from crm_platform.db import sides
from crm_platform.kernel import clock, jobs
from crm_platform.kernel.jobs import Again, Lease

from . import forgetting
from .models import InboundMessage
from .sources import find

HANDLE = "inbound.handle"
TRIED_FOR, TRIED_EVERY = timedelta(days=3), timedelta(minutes=10)
# Headers worth keeping: types and signatures, no cookies.
_KEPT = ("Content-Type", "User-Agent", "Stripe-Signature", "X-Signature", "X-Hub-Signature-256", "X-Recipient")


def take_in(source_name: str, *, headers: Mapping[str, str], body: bytes) -> bool:
    """Store one delivery; False where it had been stored before. Inside a control unit.

    Raises NotFound for an unknown source and what the source's check raises.
    """
    source = find(source_name)
    source.check(headers, body)
    identity = source.identify(headers, body)
    digest = hashlib.sha256(f"id:{identity}".encode() if identity else body).hexdigest()
    kept = {name: headers[name] for name in _KEPT if name in headers}
    message, made = InboundMessage.objects.get_or_create(source=source.name, digest=digest, defaults={"headers": kept, "body": body})
    if made:
        jobs.later(HANDLE, message.pk)
    return made


def _try_later(pk: int) -> None:
    """Its sender was told that we have it and sends nothing again: what could not be handled is tried again, for a database may be down for hours."""
    now = clock.real_now()
    if InboundMessage.objects.filter(pk=pk, handled_at=None, received_at__gt=now - TRIED_FOR).exists():
        jobs.later(HANDLE, pk, at=now + TRIED_EVERY)


@jobs.register(HANDLE, failed=_try_later)
def handle(pk: int, *, lease: Lease) -> Again | None:
    """Do the work of one delivery."""
    with sides.control_unit():
        message = InboundMessage.objects.filter(pk=pk, handled_at=None).first()
    if message is None:
        return None
    source = find(message.source)
    source.handle(message.headers, bytes(message.body))
    with sides.control_unit():
        lease.beat()
        InboundMessage.objects.filter(pk=pk).update(handled_at=clock.real_now(), **({"body": b""} if source.forgets else {}))
        forgetting.later()
    return None
