"""Many databases: new workspaces go to the emptiest, and each lives in its own."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from psycopg import sql

from crm_platform.config import env
from crm_platform.db import sides
from tenants.models import TemplateScript, Workspace
from tenants.provisioning import bootstrap, engines, owner, pool, template


def test_new_workspaces_go_to_the_emptiest_database(make_door) -> None:
    pool.fill(to=1, cell="cell2")
    pool.fill(to=1, cell=owner.FIRST)
    for emptiest in ("cell2", owner.FIRST):
        with mock.patch.object(pool, "occupancy", return_value={emptiest: 0}):
            assert make_door().place.alias == emptiest


def test_a_full_house_elsewhere_is_taken_when_the_emptiest_has_none_ready(make_door) -> None:
    with sides.control_unit():
        Workspace.objects.filter(state="pool", alias="cell2").update(template_version="older")
    pool.fill(to=1, cell=owner.FIRST)
    with mock.patch.object(pool, "occupancy", return_value={"cell2": 0, owner.FIRST: 5}):
        assert make_door().place.alias == owner.FIRST


def test_occupancy_counts_those_with_an_owner(control_side: Any) -> None:
    before = pool.occupancy()
    row = Workspace.objects.filter(alias="cell2").exclude(state__in=("pool", "erased")).first() or Workspace.objects.filter(alias="cell2").first()
    assert row is not None
    Workspace.objects.filter(pk=row.pk).update(state="erased")
    assert sum(pool.occupancy().values()) == sum(before.values()) - (row.state not in ("pool", "erased"))


def test_a_workspace_of_the_second_database_works_and_is_erased_there(make_door) -> None:
    pool.fill(to=1, cell="cell2")
    with mock.patch.object(pool, "occupancy", return_value={"cell2": 0}):
        door = make_door()
    with door.unit(), connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        assert cursor.fetchone() == ("kartoteka2",)
    assert door.client().get("/board").status_code == 200
    with owner.seated("cell2"):
        assert owner.has_workspace(door.place.schema)
    pool.discard(door.workspace)
    with owner.seated("cell2"):
        assert not owner.has_workspace(door.place.schema)


def test_a_keeper_killed_while_making_one_elsewhere_leaves_nothing_unknown(doors) -> None:
    """The row comes before the schema: nobody claims it, and the keeper's round discards it."""
    script = template.current()
    with mock.patch.object(pool, "_filled", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        pool.make(script, cell="cell2")
    with sides.control_unit():
        row = Workspace.objects.filter(template_version="in the making").latest("pk")  # a database that was down in another test leaves one, too
    assert (row.alias, row.state) == ("cell2", "pool")
    pool.discard(row)
    with sides.control_unit():
        assert not Workspace.objects.filter(pk=row.pk).exists()


def test_an_older_release_takes_what_a_newer_one_made_ready_but_not_the_other_way_round(doors) -> None:
    pool.fill(to=2)
    with sides.control_unit():
        current = TemplateScript.objects.get(pk=template.fingerprint())
        assert pool.claim() is not None
        current.migrations = sorted(template.names())[:-1]
        current.save()
        assert pool.claim() is None
        current.migrations = [*sorted(template.names()), "deals.0099_of_tomorrow"]
        current.save()
        assert pool.claim() is not None
        transaction.set_rollback(True, using="control")


@pytest.mark.parametrize("named", ["cell1", "cell02", "other", "cell2"])
def test_a_database_without_sense_is_refused_at_the_start(named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in env.cell_names(named):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("CRM_CELLS", named)
    with pytest.raises(ImproperlyConfigured, match=named):
        env.cells("secret")


ADMIN, APP = "postgresql://boss:w@citus.example:5432/crm", "postgresql://app:v@citus.example:5432/crm"


@pytest.mark.parametrize(
    ("keeper", "app_url", "owner_url", "users"),
    [
        (True, ADMIN, "", {"owner": "boss", "app": "app"}),
        (True, APP, ADMIN, {"owner": "boss", "app": "app"}),
        (True, "", ADMIN, {"owner": "boss", "app": "app"}),
        (False, APP, "", {"app": "app"}),
        (False, "", "", None),
    ],
)
def test_a_citus_server_is_entered_by_the_logins_given(keeper: bool, app_url: str, owner_url: str, users: dict[str, str] | None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, url in zip(env.cell_names(env.CITUS), (app_url, owner_url), strict=True):
        monkeypatch.setenv(name, url)
    found = env.citus("secret", keeper=keeper)
    assert {alias: {kind: login.user for kind, login in logins.items()} for alias, logins in found.items()} == ({env.CITUS: users} if users else {})


def test_a_database_that_is_no_citus_is_refused_with_what_to_run(house: None, django_db_blocker: Any) -> None:
    with django_db_blocker.unblock(), owner.seated("cell2"):
        if owner.engine().kind == "citus":
            pytest.skip("the second database is on Citus")
        with pytest.raises(bootstrap.NoCitus, match="CREATE EXTENSION citus"):
            bootstrap._need_citus("kartoteka2")


def test_what_goes_in_one_packet_on_one_server_goes_in_many_on_the_other() -> None:
    sent: list[str] = []
    connection = mock.Mock(execute=lambda statement: sent.append(statement.as_string(None)))
    for engine in (engines.POSTGRES, engines.CITUS):
        engine.send(connection, [sql.SQL("BEGIN"), sql.SQL("SELECT 1"), sql.SQL("COMMIT")])
    assert sent == ["BEGIN; SELECT 1; COMMIT", "BEGIN", "SELECT 1", "COMMIT"]
