"""A move: the command dies, the keeper takes it up."""

from __future__ import annotations

from unittest import mock

from crm_platform.db import sides
from tenants.models import Move, Step
from tenants.moving import services
from tenants.provisioning import owner

from . import firms, whole
from .firms import Facts

POINTS = (
    "pool.noted", "pool.filled", "move.made", "move.copying", "move.rows", "move.copied", "move.carried", "move.switching", "move.fenced", "move.switched", "move.done",
)  # fmt: skip
# Beside the fence the workspace waits for the keeper, for a moment; at all others it is served as before.
WAITS = ("move.fenced",)


def prepare(point: str) -> Facts:
    """A firm in the first database, on its way to the second."""
    row = firms.made()
    return firms.facts(row, point=point, move=services.begin(row, to="cell2").pk)


def work(given: Facts) -> None:
    """The command goes on with it."""
    with sides.control_unit():
        move = Move.objects.get(pk=given["move"])
    with owner.seated():
        services.proceed(move)


def after(given: Facts) -> None:
    """The firm is whole and in one place; the keeper brings it over, all of it."""
    if given["point"] not in WAITS:
        firms.same(given, firms.now(given))
        firms.answers(firms.now(given))
    whole.keep()
    row = firms.now(given)
    with sides.control_unit():
        move = Move.objects.get(pk=given["move"])
    assert (move.step, row.alias) == (Step.DONE, "cell2"), (move.step, row.alias, move.error)
    firms.same(given, row)
    firms.opens(row)
    with owner.direct() as old:
        [(fenced,)] = old.execute("SELECT NOT has_schema_privilege(%s, %s, 'USAGE')", [given["schema"], given["schema"]]).fetchall()
    assert fenced


def give_up(given: Facts) -> None:
    """The command finds what it carried unequal, and gives up."""
    with mock.patch.object(services, "_unequal", return_value=["contact"]):
        work(given)


def after_giving_up(given: Facts) -> None:
    """The firm has never left."""
    whole.keep()
    row = firms.now(given)
    assert (row.alias, row.schema_name) == (given["alias"], given["schema"])
    firms.same(given, row)
    firms.opens(row)
