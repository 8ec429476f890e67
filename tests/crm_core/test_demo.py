"""The demo workspace of the embedded run: made once, and never in the way of a start."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from crm_core.insights.examples import commands as examples
from crm_core.sales.deals.models import Deal
from crm_platform.db import sides
from crm_platform.kernel import commands, ids
from tenants.lifecycle import erasing, renaming
from tenants.models import State, Workspace
from tenants.sleeping import services as sleeping
from tests.tenants.lives import OPERATOR, let_go


def _start() -> dict[str, Any]:
    said = CliRunner().invoke(commands.group, ["demo", "--json"], standalone_mode=False)
    assert said.exception is None, said.exception
    found: dict[str, Any] = json.loads(said.output.strip().splitlines()[-1])
    return found


def _row(pk: int) -> Workspace:
    with sides.control_unit():
        return Workspace.objects.get(pk=pk)


@pytest.fixture
def made(house: None, django_db_blocker: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: Any) -> Iterator[Workspace]:
    with django_db_blocker.unblock():
        yield _made(monkeypatch, tmp_path, settings)


def _made(monkeypatch: pytest.MonkeyPatch, folder: Path, settings: Any) -> Workspace:
    slug = f"demo-{ids.random_id(8)}"
    monkeypatch.setattr(examples, "SLUG", slug)
    monkeypatch.setattr(examples, "OPERATION", uuid.uuid4())
    settings.CRM_DATA = folder
    assert slug in _start()["url"]
    with sides.control_unit():
        row = Workspace.objects.get(slug=slug)
    with sides.unit(row.place):
        assert Deal.objects.exists()
    return row


@pytest.mark.parametrize("since", ["nothing", "leaving", "asleep", "renamed", "erased"])
def test_a_start_finds_the_demo_however_it_stands(made: Workspace, since: str) -> None:
    if since == "leaving":
        let_go(SimpleNamespace(place=made.place, workspace=made))  # type: ignore[arg-type]
    elif since == "asleep":
        sleeping.proceed(sleeping.begin(made))
    elif since == "renamed":
        renaming.rename(made.public_id, to=f"own-{ids.random_id(8)}", by=OPERATOR, operation=uuid.uuid4())
    elif since == "erased":
        erasing.erase_at_once(made, by=OPERATOR)
    before = _row(made.pk)
    found = _start()
    assert (found["url"] is None) == (since == "erased")
    assert since == "erased" or f"//{before.slug}." in found["url"]
    after = _row(made.pk)
    assert (after.state, after.slug, after.schema_name) == (before.state, before.slug, before.schema_name)
    with sides.control_unit():
        assert Workspace.objects.filter(slug=examples.SLUG).exclude(pk=made.pk).count() == 0
    assert since != "asleep" or after.state == State.ASLEEP
