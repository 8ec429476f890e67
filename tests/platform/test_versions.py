"""What is kept is asked for anew as soon as something of it changes, by whatever way it changes."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from redis.exceptions import RedisError

from crm_core.groundwork.tags.models import Tag
from crm_platform.kernel import ids, versions
from tests.conftest import Door


def _kept() -> int:
    return versions.kept("test.tags", ("tag",), Tag.objects.count)


def _figure() -> int:
    return versions.remembered(("tag",), "test.tags", Tag.objects.count)


@pytest.fixture
def unit(doors: Door) -> Any:
    return doors.unit


def _add() -> None:
    name = f"kept {ids.random_id(8)}"
    Tag.objects.create(name=name, folded=name, entity="contact")


@pytest.mark.parametrize("read", [_kept, _figure])
def test_what_is_kept_costs_no_statement_until_it_changes(unit, count_statements, read) -> None:
    with unit():
        before = read()
    with unit(), count_statements() as count:
        assert read() == before
    assert count() == 0
    with unit():
        read()
        _add()
        assert read() == before + 1  # whoever writes sees it at once
        _add()
        assert read() == before + 2
    with unit():
        assert read() == before + 2


@pytest.mark.parametrize("read", [_kept, _figure])
def test_raw_statements_count_too(unit, read) -> None:
    with unit():
        _add()
    with unit():
        before = read()
    with unit(), connection.cursor() as cursor:
        cursor.execute("delete from tag where name like 'kept %%'")
    with unit():
        assert read() < before


@pytest.mark.parametrize("read", [_kept, _figure])
def test_a_savepoint_taken_back_does_not_silence_what_follows(unit, read) -> None:
    with unit():
        before = read()
    with unit():
        with suppress(ZeroDivisionError), transaction.atomic():
            _add()
            raise ZeroDivisionError
        assert read() == before
        _add()
    with unit():
        assert read() == before + 1


@pytest.mark.parametrize("read", [_kept, _figure])
def test_a_unit_taken_back_changes_nothing(unit, read) -> None:
    with unit():
        before = read()
    with suppress(ZeroDivisionError), unit():
        _add()
        read()
        raise ZeroDivisionError
    with unit():
        assert read() == before


def test_a_quiet_write_leaves_things_kept(unit, count_statements) -> None:
    with unit():
        _kept()
    with unit(), versions.quiet():
        Tag.objects.filter(name="kept by nobody").update(hue=2)
    with unit(), count_statements() as count:
        _kept()
    assert count() == 0


def test_without_a_cache_everything_is_read_anew(unit, monkeypatch) -> None:
    def fail(*_args: Any, **_kwargs: Any) -> Any:
        raise RedisError("away")

    with unit():
        before = _figure()
    monkeypatch.setattr(versions, "_redis", fail)
    for name in ("get", "set"):
        monkeypatch.setattr(cache, name, fail, raising=False)
    with unit():
        _add()
        assert _figure() == _kept() == before + 1


def test_another_workspace_keeps_its_own(two_doors) -> None:
    first, second = two_doors
    unit = first.unit
    with unit():
        _add()
        mine = _kept(), _figure()
    with unit():
        assert (_kept(), _figure()) == mine
    with second.unit():
        theirs = Tag.objects.count()
        assert (_kept(), _figure()) == (theirs, theirs)
