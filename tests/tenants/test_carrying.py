"""Rows carried from one schema into another: equal counts, sums, keys, indexes and counters."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest

from crm_core.people.contacts import services as contacts
from crm_core.sales.deals import services as deals
from crm_platform.db import sides
from crm_platform.kernel.permissions import robot
from tenants.carrying import fencing, loading, tables
from tenants.models import Workspace
from tenants.provisioning import owner, pool, template

ROBOT = robot("test")
_SHAPE = """
SELECT pg_get_constraintdef(c.oid), conrelid::regclass::text FROM pg_constraint c WHERE connamespace = %s::regnamespace
UNION ALL SELECT pg_get_indexdef(indexrelid), '' FROM pg_index JOIN pg_class t ON t.oid = indrelid WHERE relnamespace = %s::regnamespace ORDER BY 1, 2
"""


def _shape(connection, schema: str) -> list[tuple[str, str]]:
    connection.execute(f'SET search_path = "{schema}"')
    return [(one.replace(schema, ""), two.replace(schema, "")) for one, two in connection.execute(_SHAPE, [schema, schema]).fetchall()]


@pytest.fixture
def spare(house, django_db_blocker) -> Iterator[Callable[[str], str]]:
    """Makes empty schemas in a database: spare("cell2"); they are gone after the test."""
    with django_db_blocker.unblock():
        made: list[str] = []
        yield lambda cell: made.append(pool.make(template.current(), cell=cell)) or made[-1]
        with sides.control_unit():
            rows = list(Workspace.objects.filter(schema_name__in=made))
        for row in rows:
            pool.discard(row)


@pytest.mark.parametrize("form", ["binary", "csv"])
@pytest.mark.parametrize("cell", ["cell1", "cell2"])
def test_a_carried_workspace_is_equal(doors, spare, cell: str, form: loading.Format) -> None:
    with doors.unit():
        for number in range(3):
            contacts.create_contact(ROBOT, first_name=f"Zoë “{number}”,\n;\\N", emails=[{"value": f"z{number}@example.com"}])
        deals.create_deal(ROBOT, name="Kitchen")
    here, target = doors.place.schema, spare(cell)
    with owner.direct(doors.place.alias) as source, tables.snapshot(source), owner.direct(cell) as there:
        found = tables.tables(source, here)
        numbers, before = tables.counters(source, here, found), tables.sums(source, here, found)
        shape = _shape(there, target)
        with there.transaction(), loading.emptied(there, target, found):
            for table in found:
                loading.copy_in(there, target, table, loading.copy_out(source, here, table, form=form), form=form)
        tables.count_on(there, target, found, numbers)
        assert tables.sums(there, target, found) == before
        assert tables.counters(there, target, found) == numbers
        assert _shape(there, target) == shape
    assert before["contact"].rows >= 3
    assert len(shape) > 100


def test_a_changed_row_changes_the_sum_and_a_doubled_one_too(doors) -> None:
    with doors.unit():
        contacts.create_contact(ROBOT, first_name="Zoë")
    schema = doors.place.schema
    with owner.direct(doors.place.alias) as connection:
        found = [table for table in tables.tables(connection, schema) if table.name in ("contact", "stage")]
        before = tables.sums(connection, schema, found)
        connection.execute(f'UPDATE "{schema}".contact SET last_name = \'x\'')
        after = tables.sums(connection, schema, found)
    assert after["stage"] == before["stage"]
    assert (after["contact"].rows, after["contact"].sum != before["contact"].sum) == (before["contact"].rows, True)


def test_rows_that_break_a_key_are_refused_and_the_schema_is_as_before(spare) -> None:
    target = spare("cell1")
    with owner.direct() as there:
        shape = _shape(there, target)
        found = tables.tables(there, target)
        with pytest.raises(psycopg.IntegrityError), there.transaction(), loading.emptied(there, target, found):
            there.execute("INSERT INTO stage (pipeline_id, name, kind, hue, probability, \"order\") VALUES (77, 'x', 'open', 1, 50, 0)")
        assert _shape(there, target) == shape


def test_behind_the_fence_nobody_reads_or_writes(doors) -> None:
    with owner.seated(doors.place.alias):
        fencing.close(doors.place.schema)
    assert doors.client(email=None).get("/account/login/").status_code >= 500
    with owner.seated(doors.place.alias):
        fencing.open_again(doors.place.schema)
    assert doors.client().get("/board").status_code == 200
