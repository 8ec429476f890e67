"""The pool: claimed by one statement, refilled when called, enough for a burst, careful with what others made."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from unittest import mock

import pytest
from django.db import connection, connections

from crm_platform.db import sides
from crm_platform.kernel import clock
from tenants import calling, creating, keeper
from tenants.models import State, TemplateScript, Workspace
from tenants.provisioning import outage, owner, pool, template


def _ready() -> int:
    return pool.ready(version=template.fingerprint())


def test_a_claim_is_one_statement_and_no_ddl(house, doors, count_statements) -> None:
    pool.fill(to=1)
    with count_statements() as count, sides.control_unit(), mock.patch.object(pool, "occupancy", return_value={}):
        before = count()
        assert pool.claim() is not None
        assert count() - before == 1


def test_an_empty_pool_makes_a_sign_up_wait_not_fail(public) -> None:
    """The web process may not make schemas: it calls the keeper, which works beside."""
    with sides.control_unit():
        Workspace.objects.filter(state=State.POOL).update(template_version="older")
    stop = threading.Event()

    def keep() -> None:
        keeper.run(stop, every=30.0)
        connections.close_all()

    hand = threading.Thread(target=keep)
    with mock.patch.object(pool, "wanted", return_value=2):
        hand.start()
        with mock.patch.object(owner, "held", side_effect=lambda cell=owner.FIRST: threading.current_thread() is hand or threading.current_thread().name.startswith("pool")):
            made = creating.create_workspace(creating.Wish(firm="Late & Co", slug="late-and-co", email="late@example.com", password=""))
        stop.set()
        calling.call(calling.REFILL)
        hand.join(timeout=30)
    assert made.state == State.ACTIVE


def test_nobody_makes_one_and_the_sign_up_says_so(public) -> None:
    with sides.control_unit():
        Workspace.objects.filter(state=State.POOL).update(template_version="older")
    with mock.patch.object(owner, "held", return_value=False), mock.patch.object(creating, "PATIENCE", 0.2), pytest.raises(creating.NoneReady):
        creating.create_workspace(creating.Wish(firm="Late & Co", slug="nobody-there", email="late@example.com", password=""))
    with sides.control_unit():
        assert not Workspace.objects.filter(slug="nobody-there").exists()


def test_while_no_database_answers_the_sign_up_says_that_and_not_that_many_sign_up(public, settings) -> None:
    for cell in settings.CELLS:
        outage.note(cell)
    try:
        with mock.patch.object(owner, "held", return_value=False), mock.patch.object(creating, "PATIENCE", 0.2), pytest.raises(creating.NoneAnswers) as refused:
            creating.create_workspace(creating.Wish(firm="Late & Co", slug="nobody-answers", email="late@example.com", password=""))
    finally:
        outage.forget()
    assert "does not answer" in str(refused.value.message)
    with sides.control_unit():
        assert not Workspace.objects.filter(slug="nobody-answers").exists()


def test_many_claim_at_once_and_none_gets_what_another_has(public) -> None:
    pool.fill(to=8)

    def claim(number: int) -> int:
        try:
            return creating.create_workspace(creating.Wish(firm=f"Firm {number}", slug=f"at-once-{number}", email="o@example.com", password="")).pk
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as crew:
        made = list(crew.map(claim, range(12)))
    assert len(set(made)) == 12


def test_an_address_claimed_twice_at_once_is_one_firm_s(public) -> None:
    pool.fill(to=4)

    def claim(number: int) -> str:
        try:
            creating.create_workspace(creating.Wish(firm=f"Twin {number}", slug="the-twins", email="o@example.com", password=""))
        except creating.AddressRefused as error:
            return error.code
        finally:
            connections.close_all()
        return "made"

    with ThreadPoolExecutor(4) as crew:
        answers = list(crew.map(claim, range(4)))
    assert answers.count("made") == 1


def test_the_pool_grows_with_the_claims_of_the_last_seconds(control_side, settings) -> None:
    settings.CRM_POOL_SIZE = 20
    Workspace.objects.update(claimed_at=None)
    assert pool.wanted_now() == 20
    Workspace.objects.filter(pk__in=Workspace.objects.values("pk")[:3]).update(claimed_at=clock.real_now())
    assert pool.wanted_now() == 23
    Workspace.objects.update(claimed_at=clock.real_now() - timedelta(seconds=pool.FORESIGHT + 1))
    assert pool.wanted_now() == 20


def _outdated() -> list[Workspace]:
    with sides.control_unit():
        return list(pool.outdated())


def test_what_a_newer_release_made_ready_is_left_to_it_and_what_is_older_goes(doors) -> None:
    pool.fill(to=3)
    with sides.control_unit():
        mine, newer, older = Workspace.objects.filter(state=State.POOL, template_version=template.fingerprint())[:3]
        TemplateScript.objects.update_or_create(version="tomorrow", defaults={"script": "", "tables": 0, "relations": 0, "migrations": [*template.names(), "deals.0099_x"]})
        TemplateScript.objects.update_or_create(version="yesterday", defaults={"script": "", "tables": 0, "relations": 0, "migrations": sorted(template.names())[1:]})
        Workspace.objects.filter(pk=newer.pk).update(template_version="tomorrow")
        Workspace.objects.filter(pk=older.pk).update(template_version="yesterday")
        Workspace.objects.filter(state=State.POOL, template_version="older").update(template_version="yesterday")
    while found := _outdated():
        for row in found:
            pool.discard(row)
    with sides.control_unit():
        left = set(Workspace.objects.filter(pk__in=[mine.pk, newer.pk, older.pk]).values_list("pk", flat=True))
        Workspace.objects.filter(pk=newer.pk).update(template_version=template.fingerprint())
        TemplateScript.objects.filter(version__in=("tomorrow", "yesterday")).delete()
    assert left == {mine.pk, newer.pk}


def test_one_claimed_meanwhile_is_not_discarded(doors) -> None:
    pool.fill(to=1)
    with sides.control_unit():
        row = Workspace.objects.filter(state=State.POOL, template_version=template.fingerprint()).first()
        assert row is not None
        Workspace.objects.filter(pk=row.pk).update(state=State.CLAIMING)
    pool.discard(row)
    with owner.seated(row.alias):
        assert owner.has_workspace(row.schema_name)
    with sides.control_unit():
        Workspace.objects.filter(pk=row.pk).update(state=State.POOL)


def test_the_keeper_is_called_at_once(house) -> None:
    calling.wait(calling.REFILL, threading.Event(), seconds=0.01)
    calling.call(calling.REFILL)
    began = time.monotonic()
    calling.wait(calling.REFILL, threading.Event(), seconds=5)
    assert time.monotonic() - began < 4


def test_who_calls_the_keeper_between_its_rounds_is_only_let_have_more(house, django_db_blocker) -> None:
    done: list[str] = []
    stop = threading.Event()
    with django_db_blocker.unblock(), mock.patch.object(keeper, "refill", side_effect=lambda: done.append("refill")), mock.patch.object(keeper, "QUICK", (lambda: done.append("round"),)):
        hand = threading.Thread(target=keeper.run, args=(stop,), kwargs={"every": 30.0})
        hand.start()
        end = time.monotonic() + 20
        while "refill" not in done and time.monotonic() < end:  # who calls before it listens is not heard: it is called until it is
            calling.call(calling.REFILL)
            time.sleep(0.1)
        stop.set()
        calling.call(calling.REFILL)
        hand.join(timeout=5)
    assert done[:2] == ["round", "refill"]
    assert done.count("round") == 1


def test_a_script_that_makes_something_else_than_the_migrations_is_refused(doors) -> None:
    script, holds, _relations = template.render()
    with pytest.raises(template.ScriptDiffers, match="contact_extra"):
        template._prove(script + "CREATE INDEX contact_extra ON contact (id);", holds)


def test_no_workspace_has_an_index_that_nobody_asks(doors) -> None:
    """Django gives each unique text a second index for LIKE; each is a relation more in every workspace."""
    with sides.unit(doors.place), connection.cursor() as cursor:
        cursor.execute("SELECT indexname FROM pg_indexes WHERE schemaname = current_schema() AND indexname LIKE '%\\_like'")
        assert cursor.fetchall() == []
