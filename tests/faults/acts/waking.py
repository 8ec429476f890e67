"""A waking: the keeper dies while it gives a sleeper its schema back; the next does it, once."""

from __future__ import annotations

from crm_platform.db import sides
from tenants.models import Nap, NapStep, Snapshot, Spare, State
from tenants.sleeping import asking, services
from tenants.sleeping import waking as wakes

from . import firms, whole
from .firms import Facts

POINTS = ("pool.made", "wake.spare", "wake.loaded", "wake.exchanged")


def prepare(point: str) -> Facts:
    """One that sleeps, and is asked for."""
    row = firms.made()
    given = firms.facts(row, point=point)
    services.proceed(services.begin(row))
    asking.ask(row.public_id)
    return given


def work(given: Facts) -> None:
    """The keeper wakes who is asked for."""
    wakes.wake_asked()


def after(given: Facts) -> None:
    """It is awake with all it had, no schema is left over, and its snapshot goes with its days."""
    whole.keep()
    row = firms.now(given)
    assert row.state == State.ACTIVE, row.state
    firms.same(given, row)
    firms.opens(row)
    with sides.control_unit():
        [nap] = Nap.objects.filter(workspace=row)
        assert nap.step == NapStep.AWAKE, nap.step
        assert not Snapshot.objects.filter(workspace=row, keep=True).exists()
        assert not Spare.objects.filter(owner=row).exists()


def prepare_early(point: str) -> Facts:
    """One whose sleep was cut short before its schema was dropped, and which is asked for."""
    row = firms.made()
    return firms.facts(row, point=point, nap=services.begin(row).pk)


def doze(given: Facts) -> None:
    """The keeper puts it to sleep (and dies at `sleep.marked`)."""
    services.resume_all()


def ask(given: Facts) -> None:
    """Somebody comes."""
    asking.ask(given["public_id"])
