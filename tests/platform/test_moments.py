"""Moments read from the database: the same as psycopg reads them, in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import DataError, connection


@pytest.mark.parametrize("text", ["2026-11-26 10:00:00+00", "2026-11-26 10:00:00.5+00", "2026-11-26 10:00:00.123456+00", "0001-01-01 00:00:00+00", "9999-12-31 23:59:59.999999+00"])
def test_a_moment_comes_as_it_was_written(inside, text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::timestamptz", [text])
        [moment] = cursor.fetchone()
    assert moment == datetime.fromisoformat(text)
    assert moment.tzinfo is UTC


def test_a_session_of_another_zone_still_gives_utc(inside) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL timezone = 'Asia/Tashkent'")
        cursor.execute("SELECT '2026-11-26 10:00:00+00'::timestamptz")
        [moment] = cursor.fetchone()
    assert (moment, moment.utcoffset()) == (datetime(2026, 11, 26, 10, tzinfo=UTC), timedelta(0))


@pytest.mark.parametrize("text", ["infinity", "0044-03-15 12:00:00+00 BC"])
def test_what_python_has_no_room_for_is_an_error_not_a_lie(inside, text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::timestamptz", [text])
        with pytest.raises(DataError):
            cursor.fetchone()
