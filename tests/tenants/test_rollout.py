"""Bringing workspaces to the next release: rendered once, in rings, resumable; one broken workspace never stops the others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from unittest import mock

import psycopg
import pytest
from django.core.cache import cache
from django.db import connection, connections

from crm_platform.db import sides
from crm_platform.kernel import clock
from crm_platform.kernel.errors import BehindRelease
from tenants import routing
from tenants.models import Rollout, RolloutStep, State, Workspace
from tenants.provisioning import owner, pool, template
from tenants.rollout import plan, rehearsal, replay, run, steps
from tenants.rollout.models import Ring, RolloutState

COLUMN = """
    migrations.AddField("contact", "shoe_size", models.IntegerField(null=True)),
    migrations.AddIndex("contact", models.Index(fields=["shoe_size"], name="contact_shoe_size")),
"""
TABLE = """
    migrations.CreateModel("Shoe", [("id", models.BigAutoField(primary_key=True)), ("size", models.IntegerField())], options={"db_table": "shoe"}),
"""
PYTHON = """
    migrations.RunPython(lambda apps, editor: apps.get_model("contacts", "Contact").objects.update(last_name="Backfilled"), migrations.RunPython.noop),
"""


@pytest.fixture
def firms(make_door, house: None, django_db_blocker: Any) -> Iterator[Callable[[int], list[Any]]]:
    """Makes firms at this release, and takes every other workspace out of the rollout's way."""
    with sides.control_unit():
        others = list(Workspace.objects.filter(state__in=(State.ACTIVE, State.LEAVING, State.CLAIMING)).values_list("pk", "state"))
        Workspace.objects.filter(pk__in=[pk for pk, _state in others]).update(state=State.ERASED, erased_at=clock.real_now())
    pool.fill(to=1, cell="cell2")
    pool.fill(to=6, cell=owner.FIRST)
    with mock.patch.object(pool, "occupancy", side_effect=[{"cell2": 0}, *[{owner.FIRST: 0}] * 20]):
        yield lambda number: [make_door() for _ in range(number)]
    with sides.control_unit():
        Rollout.objects.all().delete()
        for pk, state in others:
            Workspace.objects.filter(pk=pk).update(state=state, erased_at=None)
        Workspace.objects.filter(claimed_at__isnull=False, state=State.ACTIVE).exclude(pk__in=[pk for pk, _state in others]).update(state=State.LEAVING, slug=None)


def _in_the_way(door: Any) -> None:
    """The column stands there already: what adds it fails in this workspace."""
    with owner.seated(door.place.alias):
        owner.run(f'ALTER TABLE "{door.place.schema}".contact ADD COLUMN shoe_size int')


def _has_column(door: Any, column: str = "shoe_size") -> bool:
    with owner.seated(door.place.alias):
        return bool(owner.run("SELECT 1 FROM information_schema.columns WHERE table_schema = %s AND table_name = 'contact' AND column_name = %s", [door.place.schema, column]))


def _version(door: Any) -> str:
    with sides.control_unit():
        return Workspace.objects.get(pk=door.workspace.pk).template_version


def _behind() -> int:
    with sides.control_unit():
        return steps.behind().count()


def _states() -> dict[str, str]:
    with sides.control_unit():
        return dict(RolloutStep.objects.values_list("workspace__public_id", "state"))


def test_a_column_with_an_index_reaches_every_workspace_of_every_database(firms) -> None:
    doors = firms(4)
    assert {door.place.alias for door in doors} == {"cell1", "cell2"}
    with rehearsal.release("contacts", "0098_shoe_size", COLUMN) as version:
        assert _behind() == 4
        done = run.work(steps.start(by="test"))
        assert (done.state, _behind()) == (RolloutState.DONE, 0)
        for door in doors:
            assert _has_column(door)
            assert _version(door) == version
            with owner.seated(door.place.alias):
                assert owner.run("SELECT 1 FROM pg_indexes WHERE schemaname = %s AND indexname = 'contact_shoe_size'", [door.place.schema])
                assert owner.run(f"SELECT count(*) FROM \"{door.place.schema}\".django_migrations WHERE name = '0098_shoe_size'") == [(1,)]
            assert door.client().get("/board").status_code == 200


def test_replayed_sql_and_a_template_of_the_next_release_are_identical(firms) -> None:
    [door] = firms(1)
    with rehearsal.release("contacts", "0098_both", COLUMN + TABLE):
        run.work(steps.start(by="test"))
        fresh = pool.make(template.current())
        with owner.direct() as here, owner.direct(door.place.alias) as there:
            assert template.describe(there, door.place.schema, seeds=False) == template.describe(here, fresh, seeds=False)
        with sides.control_unit():
            row = Workspace.objects.get(schema_name=fresh)
        pool.discard(row)


def test_the_workspace_s_role_has_rights_on_a_new_table(firms) -> None:
    [door] = firms(1)
    with rehearsal.release("contacts", "0098_shoe", TABLE):
        run.work(steps.start(by="test"))
        routing.forget()
        with door.unit(), connection.cursor() as cursor:
            cursor.execute("INSERT INTO shoe (size) VALUES (44) RETURNING id")
            assert cursor.fetchone() == (1,)


def test_a_step_in_python_runs_in_each_workspace(firms) -> None:
    doors = firms(2)
    from crm_core.people.contacts import services as contacts
    from crm_core.people.contacts.models import Contact
    from crm_platform.kernel.permissions import robot

    for door in doors:
        with door.unit():
            contacts.create_contact(robot("test"), first_name="Zoë")
    with rehearsal.release("contacts", "0098_backfill", PYTHON):
        assert [piece.statements for piece in plan.pieces(frozenset(template.names() - {"contacts.0098_backfill"}))] == [None]
        assert run.work(steps.start(by="test")).state == RolloutState.DONE
        for door in doors:
            with door.unit():
                assert set(Contact.objects.values_list("last_name", flat=True)) == {"Backfilled"}


def test_one_broken_workspace_never_stops_the_others_and_is_retried_by_hand(firms) -> None:
    doors = firms(4)
    broken = doors[2]
    _in_the_way(broken)
    with rehearsal.release("contacts", "0098_shoe_size", COLUMN):
        assert run.work(steps.start(by="test")).state == RolloutState.DONE
        assert sorted(_states().values()) == ["done", "done", "done", "failed"]
        with sides.control_unit():
            facts = steps.status()["rollout"]
        assert (facts["failed"], facts["failing"]) == (1, [broken.workspace.slug])
        assert list(facts["errors"]) == ['42701: column "shoe_size" of relation "contact" already exists']
        answer = broken.client(email=None).get("/board")
        assert (answer.status_code, answer.headers["Retry-After"], answer.headers["Refresh"]) == (503, "3", "3")
        assert b"<h1>Your workspace is being brought up to date</h1>" in answer.content
        assert doors[0].client().get("/board").status_code == 200
        with owner.seated(broken.place.alias):
            owner.run(f'ALTER TABLE "{broken.place.schema}".contact DROP COLUMN shoe_size')
        found, again = steps.retry()
        assert again == 1
        assert run.work(found).state == RolloutState.DONE
        routing.forget()
        assert broken.client().get("/board").status_code == 200


def test_it_halts_at_an_error_rate_and_goes_on_when_told(firms) -> None:
    doors = firms(6)
    for door in doors[:4]:
        _in_the_way(door)
    with rehearsal.release("contacts", "0098_shoe_size", COLUMN), mock.patch.object(run, "BATCH", 1):
        with mock.patch.object(steps, "ring_of", lambda public_id, slug: Ring.FIRST if slug in {door.workspace.slug for door in doors[:4]} else Ring.ALL):
            halted = run.work(steps.start(by="test", parallel=1))
        assert (halted.state, halted.reason) == (RolloutState.HALTED, "3 of 3 workspaces failed")
        assert not any(_has_column(door) for door in doors[4:])
        assert run.work(steps.resume()).state == RolloutState.DONE
        assert all(_has_column(door) for door in doors[4:])


def test_our_own_workspace_comes_first_and_its_failure_halts_at_once(firms, settings) -> None:
    doors = firms(3)
    settings.CRM_OWN_WORKSPACES = [doors[1].workspace.slug]
    _in_the_way(doors[1])
    with rehearsal.release("contacts", "0098_shoe_size", COLUMN):
        assert run.work(steps.start(by="test")).state == RolloutState.HALTED
        assert not _has_column(doors[0])
        assert not _has_column(doors[2])


def test_rings_take_about_one_and_ten_in_a_hundred() -> None:
    from collections import Counter

    counts = Counter(steps.ring_of(f"id{number}", None) for number in range(10_000))
    assert 50 < counts[Ring.FIRST] < 200
    assert 800 < counts[Ring.TENTH] < 1200


def test_of_operators_who_start_the_same_rollout_at_once_one_does(firms) -> None:
    firms(2)
    together = threading.Barrier(4)

    def start(number: int) -> str:
        together.wait()
        try:
            return steps.start(by=f"Ann {number}").state
        except steps.AlreadyRunning as error:
            return "refused" if "started by Ann" in error.message else error.message
        finally:
            connections.close_all()

    with rehearsal.release("contacts", "0098_shoe_size", COLUMN), ThreadPoolExecutor(4) as crew:
        answers = list(crew.map(start, range(4)))
        with sides.control_unit():
            assert (Rollout.objects.count(), RolloutStep.objects.count()) == (1, 2)
    assert sorted(answers) == ["refused"] * 3 + ["running"]


def test_paused_it_does_nothing_and_resumed_it_goes_on(firms) -> None:
    [door] = firms(1)
    with rehearsal.release("contacts", "0098_shoe_size", COLUMN):
        made = steps.start(by="test")
        assert steps.pause(by="Ann").reason == "paused by Ann"
        assert run.work(made).state == RolloutState.PAUSED
        assert not _has_column(door)
        assert run.work(steps.resume()).state == RolloutState.DONE


def test_steps_that_another_holds_are_left_to_it_until_its_lease_ends(firms) -> None:
    """What a killed holder has done of them by then: tests/faults."""
    doors = firms(3)
    with rehearsal.release("contacts", "0098_shoe_size", COLUMN):
        made = steps.start(by="test")
        made.ring = Ring.ALL
        assert [len(steps.claim(made, most=3)) for _time in range(2)] == [3, 0]
        with sides.control_unit():
            RolloutStep.objects.update(leased_until=clock.real_now() - timedelta(seconds=1))
        assert run.work(made).state == RolloutState.DONE
        assert all(_has_column(door) for door in doors)


def test_a_held_table_is_waited_for_and_tried_again(firms) -> None:
    [door] = firms(1)
    with rehearsal.release("contacts", "0098_shoe_size", COLUMN), mock.patch.object(replay, "LOCK_TIMEOUT", "50ms"), mock.patch.object(steps, "PAUSE", 0.05):
        made = steps.start(by="test", parallel=1)

        def work() -> None:
            run.work(made)
            connections.close_all()

        hand = threading.Thread(target=work)
        with owner.direct(door.place.alias) as holder, holder.transaction():
            holder.execute(f'LOCK TABLE "{door.place.schema}".contact IN ACCESS SHARE MODE')
            hand.start()
            _until(lambda: _tries() >= 2)
            assert not _has_column(door)
        hand.join(timeout=30)
        assert set(_states().values()) == {"done"}


def _tries() -> int:
    with sides.control_unit():
        return RolloutStep.objects.get().tries


def _until(true: Callable[[], bool]) -> None:
    import time

    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_an_index_on_a_large_table_is_made_beside_and_an_interrupted_one_anew(firms) -> None:
    [door] = firms(1)
    with rehearsal.release("contacts", "0098_shoe_size", COLUMN), owner.direct(door.place.alias) as direct:
        direct.execute(f'ANALYZE "{door.place.schema}".contact')
        noted: list[list[str]] = []
        with mock.patch.object(replay, "_index_beside", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
            replay.bring(direct, cell=door.place.alias, schema=door.place.schema, keep_indexes=noted.append, large=0)
        assert _has_column(door)
        assert len(noted[0]) == 1
        # What an interrupted CREATE INDEX CONCURRENTLY leaves is an index that is not valid.
        direct.execute(f'CREATE INDEX contact_shoe_size ON "{door.place.schema}".contact (shoe_size)')
        direct.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = %s::regclass", [f'"{door.place.schema}".contact_shoe_size'])
        replay.bring(direct, cell=door.place.alias, schema=door.place.schema, indexes=noted[0], keep_indexes=noted.append, large=0)
        assert direct.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = %s::regclass", [f'"{door.place.schema}".contact_shoe_size']).fetchone() == (True,)


def test_a_schema_deleted_by_hand_fails_alone(firms) -> None:
    doors = firms(2)
    with owner.seated(doors[1].place.alias):
        owner.run(f'DROP SCHEMA "{doors[1].place.schema}" CASCADE')
    with rehearsal.release("contacts", "0098_shoe_size", COLUMN):
        assert run.work(steps.start(by="test")).state == RolloutState.DONE
        assert sorted(_states().values()) == ["done", "failed"]


def test_a_sign_up_during_a_rollout_gets_the_new_version_also_from_the_release_before(firms, make_door) -> None:
    firms(1)
    with rehearsal.release("contacts", "0098_shoe_size", COLUMN) as version:
        pool.fill(to=1)
        steps.start(by="test")
        fresh = make_door()
        assert _version(fresh) == version
        pool.fill(to=1)
    with sides.control_unit():  # the release before: it does not know the new migration, and serves what has it
        Workspace.objects.filter(state=State.POOL).exclude(template_version=version).update(state=State.ERASED, erased_at=clock.real_now())
    served = make_door()
    assert _version(served) == version
    assert served.client().get("/board").status_code == 200


def test_a_visit_brings_a_workspace_to_the_front(firms) -> None:
    doors = firms(3)
    with rehearsal.release("contacts", "0098_shoe_size", COLUMN):
        made = steps.start(by="test")
        with mock.patch.object(routing, "bring_soon", wraps=routing.bring_soon) as brought:
            assert doors[2].client(email=None).get("/").status_code == 503
        assert brought.called
        [first] = steps.claim(made, most=1)
        assert first.public_id == doors[2].place.public_id


def test_jobs_of_a_workspace_that_is_behind_wait(firms) -> None:
    from crm_platform.jobs import serving, turns

    [door] = firms(1)
    with rehearsal.release("contacts", "0098_shoe_size", COLUMN):
        with pytest.raises(BehindRelease):
            routing.find_by_public_id(door.place.public_id)
        cache.clear()
        turns.queue().delete(turns.NOW, turns.REST)
        turns.ask(door.place.public_id, 1)
        assert serving.serve_turn()
        assert not turns.queue().zcard(f"slots:{door.place.public_id}:1")


def test_nothing_is_failed_by_a_rollout_under_load(firms) -> None:
    """The release before serves all the while: its pages answer, its writes go through."""
    doors = firms(2)
    version = template.fingerprint()
    with rehearsal.release("contacts", "0098_shoe_size", COLUMN):
        made = steps.start(by="test")
        answers: list[int] = []
        over = threading.Event()

        def ask(door: Any) -> None:
            client = door.client()
            while not over.is_set():
                answers.append(client.get("/contacts").status_code)
                answers.append(client.post("/contacts/new", {"first_name": "Ada"}).status_code)
            connections.close_all()

        with mock.patch.object(routing, "_is_behind", return_value=False):
            hands = [threading.Thread(target=ask, args=(door,)) for door in doors]
            for hand in hands:
                hand.start()
            _until(lambda: len(answers) > 4)
            assert run.work(made).state == RolloutState.DONE
            before = len(answers)
            _until(lambda: len(answers) > before + 4)
            over.set()
            for hand in hands:
                hand.join()
        assert set(answers) <= {200, 204, 302, 303}, set(answers)
    assert version


def test_the_command_line_says_how_far_it_is(firms) -> None:
    from click.testing import CliRunner

    from tenants.rollout.commands import rollout_group

    firms(1)
    with rehearsal.release("contacts", "0098_shoe_size", COLUMN):
        answer = CliRunner().invoke(rollout_group, ["start", "--here"])
        assert "Rollout: done" in answer.output
        assert "Done 1, waiting 0, failed 0" in answer.output
        assert '"behind": 0' in CliRunner().invoke(rollout_group, ["status", "--json"]).output


def test_errors_carry_no_words_of_people() -> None:
    error = psycopg.errors.UniqueViolation("Key (email)=(olga@veldhuis.example) is duplicated")
    assert "olga" not in run._said(error)


def test_a_schema_that_nobody_works_in_is_brought_up_where_it_is(firms) -> None:
    """A spare or a restored one, of an older release and in another database than the first."""
    firms(1)
    older = template.current()
    with rehearsal.release("contacts", "0098_both", COLUMN + TABLE) as version:
        name = pool.make(older, cell="cell2")
        with sides.control_unit():
            row = Workspace.objects.get(schema_name=name)
        replay.bring_alone(row)
        fresh = pool.make(template.current(), cell="cell2")
        with owner.direct("cell2") as there:
            assert template.describe(there, name) == template.describe(there, fresh)
            assert there.execute("SELECT has_table_privilege(%s, %s, 'SELECT, INSERT, UPDATE, DELETE')", [name, f'"{name}".shoe']).fetchone() == (True,)
        with sides.control_unit():
            rows = list(Workspace.objects.filter(schema_name__in=(name, fresh)))
        assert {one.template_version for one in rows} == {version}
        for one in rows:
            pool.discard(one)
