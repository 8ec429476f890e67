"""Firms to be worked on, and what they hold."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any
from unittest import mock

from django.conf import settings

from crm_platform.db import sides
from crm_platform.jobs import serving, turns
from crm_platform.jobs.models import Job
from crm_platform.kernel import clock, ids
from crm_platform.letters.models import Letter
from tenants.carrying import tables
from tenants.creating import Wish, create_workspace
from tenants.models import State, Workspace
from tenants.provisioning import owner, pool
from tests.tenants import archive_kit

Facts = dict[str, Any]
EMAIL = "olga@veldhuis.example"


def wish(slug: str = "") -> Wish:
    """What a founder asks for."""
    return Wish(firm="Atelier Veldhuis", slug=slug or f"t-{ids.random_id(10)}", email=EMAIL, password="a-long-enough-sentence-7", name="Olga de Wit")


def made(*, cell: str = owner.FIRST, furnished: bool = True) -> Workspace:
    """A firm in a database, with something of everything."""
    pool.fill(to=1, cell=cell)
    with mock.patch.object(pool, "occupancy", return_value={cell: 0}):
        row = create_workspace(wish(), operation=uuid.uuid4())
    if furnished:
        archive_kit.furnish(row.place)
    return row


def facts(row: Workspace, **more: Any) -> Facts:
    """A firm as the processes hand it on: what it holds, table by table and file by file."""
    return {"pk": row.pk, "slug": row.slug, "public_id": row.public_id, "alias": row.alias, "schema": row.schema_name, "held": held(row), **more}


def now(given: Facts) -> Workspace:
    """The registry's row as it stands."""
    with sides.control_unit():
        return Workspace.objects.get(pk=given["pk"])


def held(row: Workspace, *, besides: tuple[str, ...] = ()) -> dict[str, list[Any]]:
    """Rows and sum of each table, size of each file."""
    with owner.direct(row.alias) as one:
        found = [table for table in tables.tables(one, row.schema_name) if table.name not in besides]
        counted = {name: [amount.rows, amount.sum] for name, amount in tables.sums(one, row.schema_name, found).items()}
    folder = Path(settings.MEDIA_ROOT) / row.public_id
    files = {f"file {path.relative_to(folder)}": [path.stat().st_size] for path in folder.rglob("*") if path.is_file() and "archives" not in path.parts}
    return counted | files


def same(given: Facts, row: Workspace, *, besides: tuple[str, ...] = ()) -> None:
    """It holds what it held: nothing lost, nothing twice."""
    found, before = held(row, besides=besides), {name: amount for name, amount in given["held"].items() if name not in besides}
    wrong = {name: (before.get(name), found.get(name)) for name in before.keys() | found.keys() if before.get(name) != found.get(name)}
    assert not wrong, wrong


def answers(row: Workspace) -> None:
    """Its door answers a stranger; nothing of it is changed by that."""
    from django.test import Client

    answer = Client(HTTP_HOST=f"{row.slug}.localhost", raise_request_exception=False).get("/account/login/")
    assert answer.status_code == 200, answer.status_code


def opens(row: Workspace) -> None:
    """Its door answers, and who belongs to it sees it."""
    from django.test import Client

    from tests.conftest import log_in

    client = Client(HTTP_HOST=f"{row.slug}.localhost", raise_request_exception=False)
    log_in(client, row.place, email=EMAIL)
    answer = client.get("/board")
    assert answer.status_code == 200, answer.status_code


def serve(public_id: str, *, slices: int = 6, generation: int = 1) -> None:
    """The worker has its turn, until nothing is due."""
    turns.queue().delete(turns.NOW, turns.REST, f"slots:{public_id}:{generation}")
    for _slice in range(slices):
        turns.ask(public_id, generation)
        if serving.serve_turn():
            return


def writes_to_nobody(slug: str) -> None:
    """A worker comes by one that was not opened: no letter leaves it, since nobody knows whether it will stay."""
    with sides.control_unit():
        row = Workspace.objects.filter(slug=slug, state=State.CLAIMING).first()
    if row is not None:
        serve(row.public_id)
        with sides.unit(row.place):
            assert not Letter.objects.exclude(sent_at=None).exists()


def forget_leases(row: Workspace) -> None:
    """Half a minute has passed: who held a job gives no sign of life."""
    with sides.unit(row.place):
        Job.objects.filter(state="running").update(leased_until=clock.real_now())
