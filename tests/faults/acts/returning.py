"""A way back: a copy is laid beside the workspace and put in its place; whoever dies on it is followed by the keeper."""

from __future__ import annotations

from crm_platform.db import sides
from crm_platform.kernel.permissions import robot
from tenants.models import Beside, BesideStep
from tenants.returning import services
from tenants.snapshots import services as snapshots

from . import firms, whole
from .firms import Facts

FILLING = ("pool.made", "beside.spare", "beside.loaded", "beside.ready")
POINTS = (*FILLING, "beside.returning", "beside.fenced", "beside.flipped")


def prepare(point: str) -> Facts:
    """A firm with a snapshot, and one contact since."""
    from crm_core.people.contacts import services as contacts

    row = firms.made()
    before = firms.held(row)
    snapshots.take(row, why="nightly")
    with sides.unit(row.place):
        contacts.create_contact(robot("test"), first_name="Later")
    return firms.facts(row, point=point, before=before, beside=services.begin(row).pk)


def work(given: Facts) -> None:
    """The command lays the copy beside it, then puts it in its place."""
    with sides.control_unit():
        beside = Beside.objects.get(pk=given["beside"])
    services.return_all(services.proceed(beside))


def after(given: Facts) -> None:
    """The copy is ready and the workspace as it was; or, begun to be put back, it is put back, once."""
    whole.keep()
    row = firms.now(given)
    with sides.control_unit():
        beside = Beside.objects.get(pk=given["beside"])
    if given["point"] in FILLING:
        assert (beside.step, row.generation) == (BesideStep.READY, 1), (beside.step, row.generation)
        firms.same(given, row)
        assert services.ready(row).pk == beside.pk
    else:
        assert (beside.step, row.generation) == (BesideStep.RETURNED, 2), (beside.step, row.generation)
        house = ("event", "job", "workspace_state")
        firms.same({"held": given["before"]}, row, besides=house)
    firms.opens(row)
