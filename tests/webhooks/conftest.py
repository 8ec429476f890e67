"""A receiver, and a workspace that speaks to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from crm_platform.jobs import serving
from crm_platform.jobs.models import Job
from crm_platform.kernel import clock
from crm_platform.kernel.permissions import robot
from webhooks.outbound import services
from webhooks.outbound.models import Hook, HookDelivery, State

from .receiver import Receiver, receiving

ROBOT = robot("test")


@pytest.fixture(autouse=True)
def loopback(settings: Any) -> None:
    """The receivers of the tests stand on this machine."""
    settings.CRM_HOOKS_TO_LOOPBACK = True


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one


@pytest.fixture
def hooked(doors: Any) -> Callable[..., Hook]:
    """Subscribes: hooked(receiver, "add_lead", …, format="json")."""

    def subscribe(receiver: Receiver, *names: str, **given: Any) -> Hook:
        with doors.unit():
            return services.subscribe(ROBOT, receiver.url, names, **given)

    return subscribe


@pytest.fixture
def serve(doors: Any) -> Callable[..., None]:
    """Relays and runs what is due, once."""
    return lambda seconds=20.0: serving.serve_side(doors.unit, seconds=seconds)


@pytest.fixture
def later(doors: Any) -> Callable[..., None]:
    """What waits for a later moment is due now."""

    def make_due() -> None:
        past = clock.real_now() - timedelta(seconds=1)
        with doors.unit():
            HookDelivery.objects.filter(state=State.WAITING).update(next_at=past)
            Hook.objects.exclude(paused_until=None).update(paused_until=past)
            Hook.objects.exclude(sender_until=None).update(sender_until=past)
            Job.objects.filter(state="waiting", name__startswith="outbound.send").update(at=past)
            Job.objects.filter(state="running").update(leased_until=past)

    return make_due
