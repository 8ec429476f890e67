"""Seats by themselves: who stays where the firm has not chosen, looked at each hour while there are more people than seats; and what their days cost."""

from __future__ import annotations

from datetime import timedelta

from billing.subscribing import spending
from crm_platform.db import sides
from crm_platform.kernel import clock, gates, jobs, workspace
from crm_platform.kernel.jobs import Lease

from . import admitting, buying, choosing
from .models import ARRIVED

SETTLE, BACK = "seats.settle", "seats.back"
EVERY = timedelta(hours=1)


@jobs.register(SETTLE)
def settle(_pk: int, *, lease: Lease) -> None:
    """After 14 days the order decides; until then it is looked at again."""
    with sides.unit(workspace.here()):
        lease.beat()
        choosing.settle_over()
        watch()


@jobs.register(ARRIVED)
def arrived(pk: int, *, lease: Lease) -> None:
    """Seats that waited for their payment are there, by an event of the provider's."""
    with sides.control_unit():
        lease.beat()
    buying.settle_arrived(pk)


@jobs.register(BACK)
def bring_back(_pk: int, *, lease: Lease) -> None:
    """More seats hold: those who were left out come back."""
    with sides.unit(workspace.here()):
        lease.beat()
        choosing.bring_back()


@jobs.register(admitting.SPENDING)
def spent(_pk: int, *, lease: Lease) -> None:
    """A day of an occasional seat was counted: is the firm's spending ceiling near?"""
    spending.look(workspace.here())


def watch() -> None:
    """Leave the next look, where there are more people than seats. In the caller's unit."""
    usage = gates.usage("users")
    if usage.limit is not None and usage.used > usage.limit:
        jobs.later(SETTLE, 0, key=SETTLE, at=clock.real_now() + EVERY)
