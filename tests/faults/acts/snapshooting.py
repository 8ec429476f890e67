"""A snapshot: the keeper dies while it writes one, or while it deletes one; no file is left that no row knows."""

from __future__ import annotations

from crm_platform.db import sides
from tenants.models import Snapshot
from tenants.snapshots import services

from . import firms, whole
from .firms import Facts

POINTS = ("snapshot.begun", "snapshot.written", "snapshot.finished", "snapshot.removed")
# Whether each snapshot that is left is the old one, and how many of them have no file, by how far it came.
_ENDS = {
    "snapshot.begun": ([True], 0), "snapshot.written": ([True], 0), "snapshot.finished": ([True, False], 0), "snapshot.removed": ([True, False], 1), "to its end": ([False], 0),
}  # fmt: skip


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
    """A new one is there and whole, or it is not there at all; one whose file is gone already is deleted once more, now with its row."""
    whole.keep()
    with sides.control_unit():
        found = list(Snapshot.objects.filter(workspace_id=given["pk"]).order_by("pk"))
    lost = [row for row in found if not services._storage().exists(row.file)]
    for row in found:
        services.read_back(row) if row not in lost else services.remove(row)
    # A backend serves for a moment after its server was killed: then it came further than the point.
    ends = list(_ENDS.values())[POINTS.index(given["point"]) :]
    assert ([row.pk == given["old"] for row in found], len(lost)) in (ends if given.get("by_server") else ends[:1])
