"""A schema that somebody has deleted by hand: its own works fail and are told; nobody else waits for it, and it can be erased."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from unittest import mock

import pytest
from django.db import ProgrammingError
from psycopg import sql

from crm_platform.db import sides
from crm_platform.kernel import clock
from tenants import creating
from tenants.lifecycle import erasing, states
from tenants.models import Looked, Move, Nap, NapStep, Snapshot, State, Workspace
from tenants.moving import services as moving
from tenants.provisioning import owner, pool
from tenants.sleeping import services as sleeping
from tenants.snapshots import nightly

from . import firms, whole
from .firms import Facts


def _drop(schema: str) -> None:
    with owner.seated():
        owner.run(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(schema)))


def prepare() -> Facts:
    """A firm whose schema is gone, on its way to another database; and another that is well. Both wait for the night's snapshot."""
    gone, well = firms.made(), firms.made()
    given = {"gone": firms.facts(gone), "well": firms.facts(well)}
    given["move"], given["other"] = moving.begin(gone, to="cell2").pk, moving.begin(well, to="cell2").pk
    with sides.control_unit():
        Looked.objects.filter(workspace__in=(gone, well)).delete()
        Workspace.objects.filter(pk__in=(gone.pk, well.pk)).update(claimed_at=clock.real_now() - timedelta(days=3))
    _drop(gone.schema_name)
    return given


def keeps_nobody(given: Facts) -> None:
    """The night's snapshots: hers is not there, the other's is. The moves: hers is put off and given up in the end, the other's is done."""
    nightly.forget()
    whole.keep(rounds=4)
    with sides.control_unit():
        assert not Snapshot.objects.filter(workspace_id=given["gone"]["pk"], finished_at__isnull=False).exists()
        assert Snapshot.objects.filter(workspace_id=given["well"]["pk"], finished_at__isnull=False).count() == 1
        assert Move.objects.get(pk=given["other"]).step == "done"
        assert Move.objects.get(pk=given["move"]).attempts >= 1
        Move.objects.filter(pk=given["move"]).update(next_at=clock.real_now())
    with mock.patch.object(moving, "MOST_ATTEMPTS", 1):
        whole.keep()
    with sides.control_unit():
        assert Move.objects.get(pk=given["move"]).step == "given up"


def does_not_sleep(given: Facts) -> None:
    """A sleep of it is given up, not tried for ever."""
    with sides.control_unit():
        row = Workspace.objects.get(pk=given["gone"]["pk"])
    nap = sleeping.begin(row)
    whole.keep()
    with sides.control_unit():
        assert Nap.objects.get(pk=nap.pk).step == NapStep.GIVEN_UP
        assert Workspace.objects.get(pk=row.pk).state == State.ACTIVE


def answers(given: Facts) -> None:
    """Who comes to it reads that it is our mistake; the other's page is as ever."""
    from django.test import Client

    gone = Client(HTTP_HOST=f"{given['gone']['slug']}.localhost", raise_request_exception=False).get("/board")
    assert gone.status_code in (500, 503), gone.status_code
    assert b"Traceback" not in gone.content
    firms.answers(firms.now(given["well"]))


def is_erased(given: Facts) -> None:
    """It can be erased all the same, and then nothing is left."""
    row = firms.now(given["gone"])
    certificate = erasing.erase_at_once(row, by=states.OPERATOR)
    assert certificate.erased["tables"] == 0
    whole.keep()
    whole.check()


def ready_one() -> None:
    """A ready workspace without its schema: whoever gets it is refused and may try again; it goes, and the next one is whole."""
    pool.fill(to=2)
    with sides.control_unit(), mock.patch.object(pool, "occupancy", return_value={owner.FIRST: 0}):
        first = Workspace.objects.filter(state=State.POOL, alias=owner.FIRST).order_by("id").first()
    assert first is not None
    _drop(first.schema_name)
    wish = replace(firms.wish(), cell=owner.FIRST)
    with pytest.raises(ProgrammingError, match="does not exist"):
        creating.create_workspace(wish)
    whole.keep()
    made = creating.create_workspace(wish)
    firms.opens(made)
    whole.check()
