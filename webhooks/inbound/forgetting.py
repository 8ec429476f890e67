"""Old deliveries are forgotten: what was handled is kept long enough to know it again when its sender repeats it."""

from __future__ import annotations

from datetime import timedelta

from crm_platform.db import sides
from crm_platform.kernel import clock, jobs
from crm_platform.kernel.jobs import Lease

from .models import InboundMessage

FORGET = "inbound.forget"
# Senders repeat a delivery for some days; a month leaves time to look at what went wrong.
KEPT_FOR, EVERY, AT_ONCE = timedelta(days=30), timedelta(days=1), 500


def later() -> None:
    """Have old deliveries forgotten in a day; one such job waits at most. Inside a control unit."""
    jobs.later(FORGET, 0, at=clock.real_now() + EVERY, key=FORGET)


@jobs.register(FORGET)
def forget(_pk: int, *, lease: Lease) -> None:
    """Forget what was handled more than 30 days ago; what never was stays, and is seen."""
    before = clock.real_now() - KEPT_FOR
    while True:
        with sides.control_unit():
            lease.beat()
            gone = list(InboundMessage.objects.filter(received_at__lt=before, handled_at__lt=before).order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
            InboundMessage.objects.filter(pk__in=gone).delete()
            if len(gone) < AT_ONCE:
                if InboundMessage.objects.exists():
                    later()
                return
