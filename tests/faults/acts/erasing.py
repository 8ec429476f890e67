"""An erasure: the keeper (or the command) dies, the next round goes on; nothing leads back, and nothing is left."""

from __future__ import annotations

import uuid
from datetime import timedelta
from pathlib import Path

from django.conf import settings

from crm_platform.db import sides
from crm_platform.kernel import clock
from tenants.lifecycle import erasing, leaving, states, telling
from tenants.lifecycle.models import Certificate, Departure
from tenants.models import Domain, EmailIndex, Signup, State, Workspace
from tenants.provisioning import owner
from tenants.snapshots import services as snapshots

from . import firms, whole
from .firms import Facts

POINTS = tuple(f"erase.{name}{end}" for name, _step in erasing.STEPS for end in ("", ".noted"))
BY = states.By("operator", "Test")


def prepare(point: str) -> Facts:
    """A firm whose date has come, with a snapshot of yesterday."""
    row = firms.made()
    given = firms.facts(row, point=point)
    snapshots.take(row, why="nightly")
    comes_due(row)
    return given


def comes_due(row: Workspace) -> None:
    """It left, and its date has come."""
    telling.tell(leaving.leave(row.public_id, by=BY, reason="moving on", operation=uuid.uuid4(), erases_at=clock.now() + timedelta(days=30)))
    with sides.control_unit():
        Departure.objects.filter(workspace=row).update(erases_at=clock.now() - timedelta(seconds=1))


def work(given: Facts) -> None:
    """The keeper erases what is due."""
    erasing.erase_due()


def after(given: Facts) -> None:
    """From the first step on it cannot be called back; the next round leaves nothing but the stub and one certificate, with true counts."""
    try:
        leaving.come_back(given["public_id"], by=BY, operation=uuid.uuid4())
        raise AssertionError("called back")
    except states.NoSuchWay:
        pass
    whole.keep()
    row = firms.now(given)
    assert (row.state, row.slug, row.name, row.erased_at is not None) == (State.ERASED, None, "", True)
    with owner.seated(given["alias"]):
        assert not owner.has_workspace(given["schema"])
    assert not (Path(settings.MEDIA_ROOT) / given["public_id"]).exists()
    with sides.control_unit():
        for model, path in ((Domain, "tenant"), (EmailIndex, "workspace"), (Signup, "workspace"), (Departure, "workspace")):
            assert not model.objects.filter(**{path: row}).exists(), model
        [certificate] = Certificate.objects.filter(workspace=row)
    assert set(certificate.steps) == {name for name, _step in erasing.STEPS}, certificate.steps
    files = {name: amount for name, amount in given["held"].items() if name.startswith("file ")}
    assert certificate.erased["files"] == len(files), certificate.erased
    assert certificate.erased["file_bytes"] == sum(size for [size] in files.values()), certificate.erased
    assert certificate.erased["rows"] >= sum(amount[0] for name, amount in given["held"].items() if name not in files), certificate.erased
