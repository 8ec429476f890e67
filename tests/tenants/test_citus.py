"""Workspaces on a Citus server: made, served, moved there and back, walled off, rolled out and erased, each as a distributed schema.

Needs a server: CRM_CITUS_URL=postgresql://administrator:password@coordinator:5432/database (decision 0017).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner
from django.conf import settings
from django.db import ProgrammingError, connection, connections

from crm_core.people.contacts import services as contacts
from crm_core.people.contacts.models import Contact
from crm_core.sales.deals import services as deals
from crm_core.sales.deals.models import Deal
from crm_platform.db import sides
from crm_platform.kernel import commands
from crm_platform.kernel.permissions import robot
from tenants import commands as _commands  # noqa: F401 (registers them)
from tenants.carrying import tables
from tenants.lifecycle import erasing, states
from tenants.models import Step, Workspace
from tenants.moving import services as moving
from tenants.provisioning import owner, pool
from tenants.rollout import rehearsal, replay
from tenants.snapshots import nightly
from tenants.snapshots import services as snapshots

CITUS = settings.CITUS
ROBOT = robot("test")
pytestmark = pytest.mark.skipif(CITUS not in settings.CELLS, reason="!! THE TESTS ON CITUS ARE LEFT OUT: set CRM_CITUS_URL to an administrator's login of a Citus coordinator !!")

LATER = """
    migrations.AddField("contact", "shoe_size", models.IntegerField(null=True)),
    migrations.AddIndex("contact", models.Index(fields=["shoe_size"], name="contact_shoe_size")),
    migrations.CreateModel("Shoe", [("id", models.BigAutoField(primary_key=True)), ("size", models.IntegerField())], options={"db_table": "shoe"}),
"""


@pytest.fixture
def there(make_door) -> Iterator[Any]:
    """A firm that was claimed on the Citus server, with a few rows; erased from it at the end."""
    pool.fill(to=1, cell=CITUS)
    door = make_door(cell=CITUS)
    assert door.place.alias == CITUS
    _fill(door)
    yield door
    _discard(door)


@pytest.fixture
def at_home(make_door) -> Iterator[Any]:
    """A firm in the first database, with a few rows."""
    pool.fill(to=1, cell=owner.FIRST)
    door = make_door(cell=owner.FIRST)
    _fill(door)
    yield door
    moving.forget_old(door.workspace)
    _discard(door)


def _fill(door: Any) -> None:
    with door.unit():
        for number in range(5):
            contacts.create_contact(ROBOT, first_name=f"Zoë {number}", emails=[{"value": f"z{number}@example.com"}])
        deals.create_deal(ROBOT, name="Kitchen")


def _discard(door: Any) -> None:
    row = _now(door)
    with owner.seated(row.alias):
        if owner.has_workspace(row.schema_name):
            owner.drop_workspace(row.schema_name)
    with sides.control_unit():
        Workspace.objects.filter(pk=row.pk).update(state="erased", slug=None)


def _now(door: Any) -> Workspace:
    with sides.control_unit():
        return Workspace.objects.get(pk=door.workspace.pk)


def _amounts(row: Workspace) -> dict[str, tables.Sum]:
    with owner.direct(row.alias) as one:
        return tables.sums(one, row.schema_name, tables.tables(one, row.schema_name))


def _asked(statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with owner.seated(CITUS):
        return owner.run(statement, values)


def _move(door: Any, to: str) -> Any:
    return moving.proceed(moving.begin(_now(door), to=to))


def test_the_server_is_citus_and_nothing_goes_there_by_itself(house: None, control_side: None) -> None:
    with owner.seated(CITUS):
        assert owner.engine().kind == "citus"
    with owner.seated():
        assert owner.engine().kind in ("postgresql", "citus")
    assert CITUS not in pool.occupancy()


def test_each_workspace_is_a_distributed_schema_and_every_table_of_it_has_its_shard(there) -> None:
    schema = there.place.schema
    assert _asked("SELECT 1 FROM pg_dist_schema WHERE schemaid = %s::regnamespace", schema) == [(1,)]
    [(relations, shards, places)] = _asked(
        "SELECT (SELECT count(*) FROM pg_class WHERE relnamespace = %s::regnamespace AND relkind = 'r'), count(*), count(DISTINCT (nodename, nodeport))"
        " FROM citus_shards JOIN pg_class c ON c.oid = table_name WHERE c.relnamespace = %s::regnamespace", schema, schema,
    )  # fmt: skip
    assert (relations, places) == (shards, 1)
    assert relations > 30
    [(may,)] = _asked("SELECT rolcanlogin FROM pg_roles WHERE rolname = %s", schema)
    assert not may  # on the coordinator, where the application's login takes it


def test_pages_are_served_from_it_and_writing_works(there) -> None:
    client = there.client()
    for page in ("/", "/board", "/contacts", "/search?q=zo"):
        assert client.get(page, follow=True).status_code == 200, page
    assert "Zoë 3" in client.get("/contacts").content.decode()
    with there.unit():
        one = Contact.objects.get(first_name="Zoë 3")
    assert "Zoë 3" in client.get(f"/contacts/{one.pk}", follow=True).content.decode()
    with there.unit():
        assert (Contact.objects.count(), Deal.objects.count()) == (5, 1)


def test_another_s_table_is_refused_on_the_coordinator_and_where_the_rows_are(there, make_door) -> None:
    pool.fill(to=1, cell=CITUS)
    other = make_door(cell=CITUS)
    theirs = other.place.schema
    [(shard,)] = _asked("SELECT shard_name FROM citus_shards WHERE table_name = %s::regclass", f"{theirs}.contact")
    for reaching in (
        f"SELECT * FROM {theirs}.contact",
        f"SELECT * FROM {shard}",
        f"INSERT INTO {theirs}.contact SELECT * FROM contact",
    ):
        with pytest.raises(ProgrammingError, match="permission denied"), there.unit(), connection.cursor() as cursor:
            cursor.execute(reaching)
    # By Citus's own way of asking every server, and there the role logs in as itself: it cannot even take another's name.
    for asked in (f"SELECT count(*) FROM {shard}", f"SET ROLE {theirs}; SELECT count(*) FROM {shard}"):
        with there.unit(), connection.cursor() as cursor:
            cursor.execute("SELECT bool_or(success), string_agg(result, ' ') FROM run_command_on_all_nodes(%s)", [asked])
            reached, said = cursor.fetchone()
        assert not reached
        assert "permission denied" in said
    _discard(other)


def test_a_workspace_moves_there_and_back_and_stays_equal(at_home) -> None:
    client = at_home.client()
    assert client.get("/board").status_code == 200
    before = _amounts(_now(at_home))
    assert _move(at_home, CITUS).step == Step.DONE
    assert _now(at_home).alias == CITUS
    assert _amounts(_now(at_home)) == before
    assert client.get("/board").status_code == 200  # the session came along
    with sides.unit(_now(at_home).place):
        contacts.create_contact(ROBOT, first_name="Later")
    middle = _amounts(_now(at_home))
    back = moving.proceed(moving.begin_back(_now(at_home)))
    assert (back.to_alias, _now(at_home).alias) == (owner.FIRST, owner.FIRST)
    assert _amounts(_now(at_home)) == middle
    with sides.unit(_now(at_home).place):
        assert contacts.create_contact(ROBOT, first_name="At home").pk > Contact.objects.get(first_name="Later").pk


@pytest.mark.parametrize(("start", "to"), [("at_home", CITUS), ("there", owner.FIRST)])
def test_what_is_written_and_deleted_meanwhile_comes_along(start: str, to: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    door = request.getfixturevalue(start)
    real, kept = moving._note, {}

    def meanwhile(move: Any, step: Step, **values: Any) -> None:
        real(move, step, **values)
        if step == Step.COPIED and not move.carried_after:
            with sides.unit(_now(door).place):
                Contact.objects.filter(first_name="Zoë 0").update(first_name="Changed")
                contacts.create_contact(ROBOT, first_name="Added")
                Deal.objects.all().delete()
            kept.update(_amounts(_now(door)))

    monkeypatch.setattr(moving, "_note", meanwhile)
    move = _move(door, to)
    assert (move.step, _now(door).alias) == (Step.DONE, to)
    assert move.carried_after >= 3
    assert _amounts(_now(door)) == kept
    monkeypatch.undo()
    moving.forget_old(_now(door))
    with sides.unit(_now(door).place):
        assert not Deal.objects.exists()
    _discard(door)


def test_the_command_moves_it_there(at_home) -> None:
    told = CliRunner().invoke(commands.group, ["move-workspace", "--workspace", str(at_home.workspace.slug), "--to", CITUS], standalone_mode=False)
    assert told.exit_code == 0, told.output
    assert "lives in citus now" in told.output
    moving.proceed(moving.begin_back(_now(at_home)))


def test_a_release_reaches_it_and_its_role_may_use_the_new_table(there) -> None:
    with rehearsal.release("contacts", "0099_shoes", LATER):
        with owner.direct(CITUS) as one:
            replay.bring(one, cell=CITUS, schema=there.place.schema, keep_indexes=lambda left: None)
        with there.unit(), connection.cursor() as cursor:
            cursor.execute("INSERT INTO shoe (size) VALUES (42) RETURNING id")
            assert cursor.fetchone() is not None
            cursor.execute("SELECT count(*) FROM contact WHERE shoe_size IS NULL")
            assert cursor.fetchone() == (5,)
        assert _asked("SELECT count(*) FROM citus_shards WHERE table_name IN (%s::regclass, %s::regclass)", f"{there.place.schema}.shoe", f"{there.place.schema}.contact") == [(2,)]


def test_a_snapshot_is_taken_and_a_change_is_noticed_by_night(there) -> None:
    row = _now(there)
    taken = snapshots.take(row, why="test")
    assert taken.rows == sum(one.rows for one in _amounts(row).values())
    connections[CITUS].close()  # a server tells what it has counted when a connection ends
    nightly.forget()
    before = nightly._written(row)
    with there.unit():
        contacts.create_contact(ROBOT, first_name="By night")
    connections[CITUS].close()
    nightly.forget()
    assert nightly._written(row) > before > 0


def test_erased_nothing_of_it_is_left_on_any_server(there) -> None:
    schema = there.place.schema
    certificate = erasing.erase_at_once(_now(there), by=states.OPERATOR)
    assert certificate.erased["rows"] > 20
    for asked in ("SELECT count(*) FROM pg_namespace WHERE nspname = '{}'", "SELECT count(*) FROM pg_roles WHERE rolname = '{}'", "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = '{}'"):
        assert {found for (found,) in _asked("SELECT result FROM run_command_on_all_nodes(%s)", asked.format(schema))} == {"0"}
