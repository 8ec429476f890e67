"""Back to yesterday: an earlier moment beside the living workspace, compared, rows and all of it taken back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import psycopg
import pytest
from click.testing import CliRunner
from django.conf import settings as real_settings
from django.contrib.sessions.models import Session
from django.core.files.storage import FileSystemStorage
from django.db import connection

from crm_core.people.contacts import services as contacts
from crm_core.people.contacts.models import Contact
from crm_core.sales.deals import services as deals
from crm_core.sales.deals.models import Deal
from crm_platform.accounts import tokens
from crm_platform.accounts.models import ApiToken, User
from crm_platform.db import sides
from crm_platform.events.models import Event
from crm_platform.jobs.models import Job
from crm_platform.kernel import clock, commands, jobs
from crm_platform.kernel.permissions import robot
from crm_platform.letters.models import Letter
from tenants import commands as _commands  # noqa: F401 (registers them)
from tenants import keeper, routing
from tenants.inside.models import WorkspaceState
from tenants.lifecycle import erasing, states
from tenants.models import Beside, BesideStep, Snapshot, Spare, Workspace
from tenants.provisioning import owner
from tenants.returning import rows, services
from tenants.snapshots import services as snapshots
from webhooks.outbound.models import Hook, HookDelivery

ROBOT = robot("test")


class Killed(BaseException):
    """The process is gone at this point."""


@pytest.fixture(autouse=True)
def kept_in(tmp_path: Path) -> Iterator[Path]:
    """A folder of this test's own for the files."""
    with mock.patch.object(snapshots, "_storage", return_value=FileSystemStorage(location=tmp_path)):
        yield tmp_path


@pytest.fixture
def firm(doors) -> Any:
    """A workspace with a snapshot of yesterday, and what happened since: one changed, one erased, one added."""
    with doors.unit():
        for name in ("Ann", "Ben", "Cem"):
            contacts.create_contact(ROBOT, first_name=name, emails=[{"value": f"{name}@example.com"}])
        deal = deals.create_deal(ROBOT, name="Kitchen")
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO deal_contact (role, main, contact_id, deal_id) SELECT '', true, id, %s FROM contact WHERE first_name = 'Ben'", [deal.pk])
    snapshots.take(_now(doors), why="nightly")
    with doors.unit(), connection.cursor() as cursor:
        Contact.objects.filter(first_name="Ann").update(first_name="Anna")
        cursor.execute("DELETE FROM deal_contact")
        cursor.execute("DELETE FROM search_row WHERE entity = 'contact' AND record_id IN (SELECT id FROM contact WHERE first_name = 'Ben')")
        cursor.execute("DELETE FROM contact WHERE first_name = 'Ben'")
        contacts.create_contact(ROBOT, first_name="Dov")
    return doors


def _now(door: Any) -> Workspace:
    with sides.control_unit():
        return Workspace.objects.get(pk=door.workspace.pk)


def _beside(door: Any, **wish: Any) -> Beside:
    services.proceed(services.begin(_now(door), **wish))
    return services.ready(_now(door))


def _there(door: Any) -> Any:
    """The door of where it lives now."""
    return replace(door, place=_now(door).place)


def _names(door: Any) -> list[str]:
    with sides.unit(_now(door).place):
        return sorted(Contact.objects.values_list("first_name", flat=True))


def test_beside_shows_yesterday_and_the_comparison_says_what_differs(firm) -> None:
    beside = _beside(firm)
    assert beside.source == services.NIGHTLY
    found = {one.table: one for one in rows.compare(beside)}
    assert (found["contact"].only_there, found["contact"].only_here, found["contact"].different) == (1, 1, 1)
    assert len(found["contact"].keys["only_there"]) == 1
    assert found["deal_contact"].only_there == 1
    assert "stage" not in found
    assert _names(firm) == ["Anna", "Cem", "Dov"]


def test_a_moment_before_the_first_snapshot_is_refused_and_another_number_too(firm, make_door) -> None:
    with pytest.raises(snapshots.NoneOfNumber, match="has no snapshot 987654"):
        services.begin(_now(firm), snapshot=987654)
    with pytest.raises(snapshots.NoSnapshot, match="The oldest is of 2"):
        services.begin(_now(firm), at=clock.real_now() - timedelta(days=9))
    foreign = snapshots.take(make_door().workspace, why="nightly")
    with pytest.raises(snapshots.NoSnapshot):
        services.begin(_now(firm), snapshot=foreign.pk)
    with pytest.raises(services.NotBeside):
        services.ready(_now(firm))


def test_the_nearest_snapshot_before_the_moment_is_taken(firm) -> None:
    with sides.control_unit():
        first = Snapshot.objects.get(workspace=firm.workspace)
        Snapshot.objects.filter(pk=first.pk).update(taken_at=clock.real_now() - timedelta(hours=30))
    snapshots.take(_now(firm), why="nightly")
    assert services.begin(_now(firm), at=clock.real_now() - timedelta(hours=24)).snapshot_id == first.pk


def test_rows_come_back_under_their_keys_with_what_hangs_on_them_and_an_event(firm) -> None:
    beside = _beside(firm)
    [key] = {one.table: one for one in rows.compare(beside)}["contact"].keys["only_there"]
    done = rows.take_back(beside, table="contact", keys=[key])
    assert (done["contact"], done["deal_contact"], done["search_row"]) == (1, 1, 1)
    with firm.unit():
        ben = Contact.objects.get(pk=int(key))
        assert ben.first_name == "Ben"
        event = Event.objects.get(name="record.returned")
        assert (event.subject, event.actor_kind) == (f"contact:{key}", "robot")
    assert firm.client().get(f"/contacts/{key}").status_code == 200
    assert firm.client().get("/settings/journal").status_code in (200, 404)
    assert _names(firm) == ["Anna", "Ben", "Cem", "Dov"]


def test_a_row_that_hangs_on_something_gone_and_a_table_of_the_house_are_refused(firm) -> None:
    beside = _beside(firm)
    [key] = {one.table: one for one in rows.compare(beside)}["deal_contact"].keys["only_there"]
    with pytest.raises(rows.HangsOnNothing, match="contact"):
        rows.take_back(beside, table="deal_contact", keys=[key])
    for table in ("event", "nothing", "job"):
        with pytest.raises(rows.NoSuchRows):
            rows.take_back(beside, table=table, keys=["1"])
    assert _names(firm) == ["Anna", "Cem", "Dov"]


def test_all_of_it_goes_back_and_what_was_is_kept_for_its_days(firm) -> None:
    client = firm.client()
    assert client.get("/contacts").status_code == 200
    beside = services.return_all(_beside(firm))
    row = _now(firm)
    assert (_names(firm), row.generation, row.public_id, beside.step) == (["Ann", "Ben", "Cem"], 2, firm.place.public_id, BesideStep.RETURNED)
    assert client.get("/contacts").status_code == 302  # its session is of today: log in again
    assert "Ben" in _there(firm).client().get("/contacts").content.decode()
    with sides.unit(row.place):
        assert WorkspaceState.objects.get().generation == 2
        assert Event.objects.filter(name="workspace.put_back").exists()
        highest = max(Contact.objects.values_list("pk", flat=True))
        assert contacts.create_contact(ROBOT, first_name="Eve").pk > highest + 1  # Dov's number is not given again
    with sides.control_unit():
        old = Spare.objects.get(owner=firm.workspace)
    assert old.use == "old"
    assert _there(firm).client().get("/board").status_code == 200


def test_what_went_out_since_does_not_go_out_again(firm) -> None:
    with firm.unit():
        done, still = jobs.later("test.returning", 1), jobs.later("test.returning", 2)
        Job.objects.exclude(pk__in=(done, still)).delete()
        letter = Letter.objects.create(to="a@example.com", subject="Hello", text="Hello")
        Event.objects.update(pending=True)
        WorkspaceState.objects.update(plan="start")
    snapshots.take(_now(firm), why="nightly")
    with firm.unit():
        Job.objects.filter(pk=done).update(state="done")
        Letter.objects.update(sent_at=clock.now())
        Event.objects.update(pending=False)
        WorkspaceState.objects.update(plan="team")
    services.return_all(_beside(firm))
    with sides.unit(_now(firm).place):
        assert list(Job.objects.filter(state="waiting").values_list("pk", flat=True)) == [still]
        assert Letter.objects.get(pk=letter.pk).sent_at
        assert not Event.objects.filter(pending=True).exists()
        assert WorkspaceState.objects.get().plan == "team"


def test_what_was_told_to_programs_since_is_not_told_again(firm) -> None:
    with firm.unit():
        hook = Hook.objects.create(destination="https://example.com/hook", secret="-")
        told, waits, tidied = (HookDelivery.objects.create(hook=hook, uid=uid, body="{}").pk for uid in ("told", "waits", "tidied"))
    snapshots.take(_now(firm), why="nightly")
    with firm.unit():
        HookDelivery.objects.filter(pk=told).update(state="done", done_at=clock.real_now(), attempts=1)
        HookDelivery.objects.filter(pk=tidied).delete()
    services.return_all(_beside(firm))
    with sides.unit(_now(firm).place):
        assert dict(HookDelivery.objects.values_list("pk", "state")) == {told: "done", waits: "waiting", tidied: "failed"}
        assert HookDelivery.objects.get(pk=told).attempts == 1


def test_what_was_closed_since_stays_closed(firm) -> None:
    """A session that was ended because it was stolen, a key that was taken back: yesterday opens neither again."""
    kept, ended = firm.client(), firm.client()
    with firm.unit():
        olga = User.objects.select_related("role").get(email="olga@veldhuis.example")
        for name in ("shut", "good"):
            tokens.make_api_token(olga, name=name)
    snapshots.take(_now(firm), why="nightly")
    with firm.unit():
        key = ended.cookies["session"].value
        assert Session.objects.filter(session_key=key).delete()[0]
        assert ApiToken.objects.filter(name="shut").update(revoked_at=clock.real_now())
    services.return_all(_beside(firm))
    routing.forget()
    assert (kept.get("/board").status_code, ended.get("/board").status_code) == (200, 302)
    with sides.unit(_now(firm).place):
        assert {token.name: token.revoked_at is None for token in ApiToken.objects.all()} == {"shut": False, "good": True}


@pytest.mark.parametrize("point", ["beside.spare", "beside.loaded", "beside.ready", "beside.returning", "beside.fenced", "beside.flipped"])
def test_killed_at(point: str, firm) -> None:
    def die(name: str) -> None:
        if name == point:
            raise Killed

    with mock.patch.object(services, "reached", die), pytest.raises(Killed):
        services.return_all(_beside(firm))
    keeper.round_once()
    routing.forget()
    with sides.control_unit():
        step = Beside.objects.get(workspace=firm.workspace).step
    filling = point in ("beside.spare", "beside.loaded", "beside.ready")
    assert step == (BesideStep.READY if filling else BesideStep.RETURNED)
    assert _names(firm) == (["Anna", "Cem", "Dov"] if filling else ["Ann", "Ben", "Cem"])
    assert _there(firm).client().get("/board").status_code == 200


def _killed_behind_the_fence(door: Any) -> Beside:
    """The workspace's own schema is closed, and the copy is not its place yet."""

    def die(name: str) -> None:
        if name == "beside.fenced":
            raise Killed

    with mock.patch.object(services, "reached", die), pytest.raises(Killed):
        services.return_all(_beside(door))
    with sides.control_unit():
        return Beside.objects.select_related("spare").get(workspace=door.workspace)


def test_a_copy_whose_day_comes_while_it_is_put_back_is_not_dropped(firm) -> None:
    beside = _killed_behind_the_fence(firm)
    with sides.control_unit():
        Spare.objects.filter(schema=beside.spare).update(drop_at=clock.real_now() - timedelta(seconds=1))
    keeper.spares.sweep()
    keeper.round_once()
    routing.forget()
    assert _names(firm) == ["Ann", "Ben", "Cem"]
    assert _there(firm).client().get("/board").status_code == 200


def test_with_the_workspace_what_lies_beside_it_is_over(firm) -> None:
    """Else the keeper would take it up for ever, or fill one more copy of a firm that is erased."""
    beside = _killed_behind_the_fence(firm)
    with sides.control_unit():
        filling = Beside.objects.create(workspace=firm.workspace, source=services.SIDE, moment=clock.real_now())
    erasing.erase_at_once(_now(firm), by=states.OPERATOR)
    with sides.control_unit():
        assert set(Beside.objects.filter(pk__in=(beside.pk, filling.pk)).values_list("step", flat=True)) == {BesideStep.GIVEN_UP}
    assert services.resume_all() == 0


def test_copies_go_after_their_days(firm) -> None:
    beside = _beside(firm)
    with sides.control_unit():
        Spare.objects.filter(schema=beside.spare).update(drop_at=clock.real_now())
    keeper.round_once()
    with owner.seated(firm.place.alias):
        assert not owner.has_workspace(beside.spare.schema_name)
    with pytest.raises(services.NotBeside):
        services.ready(_now(firm))
    other = _beside(firm)
    services.drop(other.workspace, other.pk)
    with pytest.raises(services.NotBeside):
        services.ready(_now(firm))


def test_a_side_instance_gives_any_minute_and_says_so(firm, settings) -> None:
    login = real_settings.DATABASES[real_settings.OWNERS[firm.place.alias]]
    settings.CRM_PITR_URL = f"dbname={login['NAME']} user={login['USER']} password={login['PASSWORD']} host={login['HOST']} port={login['PORT'] or 5432}"
    wished = clock.real_now() - timedelta(minutes=1)
    beside = _beside(firm, at=wished)
    assert (beside.source, beside.moment) == (services.SIDE, wished)
    assert rows.compare(beside) == []


class _Instance(psycopg.Connection[Any]):
    """A side instance that stands at a moment of its own."""

    stands = datetime(2026, 5, 31, 14, 5, tzinfo=UTC)

    def execute(self, query: Any, *given: Any, **more: Any) -> Any:
        return super().execute(*((f"SELECT '{self.stands.isoformat()}'::timestamptz",) if query == "SELECT pg_last_xact_replay_timestamp()" else (query, *given)), **more)


def test_a_side_instance_beyond_the_moment_is_refused_and_one_before_it_says_where_it_stands(firm, settings) -> None:
    login = real_settings.DATABASES[real_settings.OWNERS[firm.place.alias]]
    settings.CRM_PITR_URL = f"dbname={login['NAME']} user={login['USER']} password={login['PASSWORD']} host={login['HOST']} port={login['PORT'] or 5432}"
    with mock.patch.object(services.psycopg, "connect", _Instance.connect):
        with pytest.raises(services.PastIt, match="stands at 2026-05-31 14:05:00 UTC, which is after 2026-05-31 14:00:00 UTC"):
            _beside(firm, at=_Instance.stands - timedelta(minutes=5))
        assert _beside(firm, at=_Instance.stands + timedelta(minutes=5)).moment == _Instance.stands


def test_the_side_instance_knows_where_the_workspace_lived_then(firm, settings) -> None:
    """Since then it may have slept, moved or been put back: its schema bears another name."""
    settings.CRM_PITR_URL = "any"
    then = mock.Mock()
    then.execute.side_effect = [mock.Mock(fetchall=lambda: [(True,)]), mock.Mock(fetchone=lambda: ("w_then",))]
    assert services._schema_then(then, _now(firm)) == "w_then"
    then.execute.side_effect = [mock.Mock(fetchall=lambda: [(False,)])]
    assert services._schema_then(then, _now(firm)) == firm.place.schema


def test_the_history_alone_tells_what_a_record_was(firm) -> None:
    with firm.unit():
        deal = Deal.objects.get()
        before = clock.now()
        deals.change_deal(ROBOT, deal.pk, name="Bathroom")
    assert rows.earlier(_now(firm), subject=f"deal:{deal.pk}", at=before)["name"] == "Kitchen"


def test_a_copy_of_another_shape_is_no_more_put_back_but_dropped(firm) -> None:
    beside = _beside(firm)
    with sides.control_unit():
        Workspace.objects.filter(pk=beside.spare_id).update(template_version="older")
    answers = {name: CliRunner().invoke(commands.group, [name, "--workspace", str(firm.workspace.slug), "--json"], standalone_mode=False) for name in ("compare-beside", "drop-beside")}
    assert isinstance(answers["compare-beside"].exception, services.MovedAway)
    with sides.control_unit():
        assert not Spare.objects.filter(owner=firm.workspace).exists()


@pytest.mark.parametrize("record", ["deal", "deal:", "deal:x", "7"])
def test_a_record_that_is_none_is_said(firm, record: str) -> None:
    told = CliRunner().invoke(commands.group, ["show-earlier", "--workspace", str(firm.workspace.slug), "--record", record, "--at", "2026-05-31T14:05"])
    assert (told.exit_code, "deal:12" in told.output) == (2, True)
