"""A snapshot: the keeper dies while it writes one, or while it deletes one; no file is left that no row knows."""

from __future__ import annotations

from crm_platform.db import sides
from tenants.models import Snapshot
from tenants.snapshots import services

from . import firms, whole
from .firms import Facts

POINTS = ("snapshot.begun", "snapshot.written", "snapshot.finished", "snapshot.removed")


def prepare(point: str) -> Facts:
    """A firm, with an old snapshot."""
    row = firms.made()
    old = services.take(row, why="nightly")
    return firms.facts(row, point=point, old=old.pk)


def work(given: Facts) -> None:
    """A new one, and the old one goes."""
    services.take(firms.now(given), why="nightly")
    with sides.control_unit():
        old = Snapshot.objects.get(pk=given["old"])
    services.remove(old)


def after(given: Facts) -> None:
    """A new one is there and whole, or it is not there at all."""
    whole.keep()
    with sides.control_unit():
        found = list(Snapshot.objects.filter(workspace_id=given["pk"]).order_by("pk"))
    for row in found:
        services.read_back(row) if given["point"] != "snapshot.removed" or row.pk != given["old"] else None
    if given["point"] == "snapshot.removed":  # its file is gone: deleted once more, now with its row
        services.remove(found[0])
    assert len(found) == (2 if given["point"] in ("snapshot.finished", "snapshot.removed") else 1)
