"""Fields of a date with a time: filled in by people and programs, shown, found, exported and read back."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.http import QueryDict

from crm_core.groundwork.custom_fields import services as custom
from crm_core.groundwork.custom_fields.models import MOMENTS, CustomField, FieldIndex, Kind
from crm_core.groundwork.imports import recognising
from crm_core.groundwork.imports.models import ImportRow
from crm_core.people.contacts import services as contacts
from crm_core.people.contacts.desk import DESK
from crm_core.people.contacts.models import Contact
from crm_platform.kernel.errors import Invalid
from crm_platform.kernel.permissions import robot
from tenants.inside.models import Preferences

from .test_round_trip import bring_in

ROBOT = robot("test")
# 28 November 2026, 15:30 in Amsterdam.
AT = 1_795_876_200
# Amsterdam, 25 October 2026, 02:30: first in summer time, and an hour later once more.
TWICE = 1_792_888_200


def visit() -> CustomField:
    Preferences.objects.update(time_zone="Europe/Amsterdam")
    return custom.add_field(ROBOT, entity="contact", name="Visit", kind=Kind.OTHER, wire=MOMENTS)


def anna(field: CustomField, value: Any = AT) -> Contact:
    made: Contact = contacts.create_contact(ROBOT, first_name="Anna", custom={str(field.pk): value})
    return made


def found(field: CustomField, text: str) -> list[str]:
    return [row.first_name for row in DESK.narrowed(ROBOT, QueryDict(f"f{field.pk}={text}"))[0]]


@pytest.mark.parametrize("value", [AT, str(AT), [{"value": AT}], [{"value": "2026-11-28T14:30:00Z"}], "2026-11-28T15:30:00+01:00"])
def test_it_is_kept_in_one_way_shown_in_the_firms_time_and_stands_in_the_index(inside, value: Any) -> None:
    field = visit()
    kept = anna(field, value).custom[str(field.pk)]
    assert (kept, custom.shown(field, kept)) == ([{"value": AT}], "2026-11-28 15:30")
    assert list(FieldIndex.objects.filter(field=field).values_list("num", flat=True)) == [AT]
    assert (field.filterable, field.for_programs, field.holds) == (True, False, "Date and time")


@pytest.mark.parametrize("value", ["soon", "2026-13-01 10:00", [{"value": {}}], 10**20, datetime(1800, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, tzinfo=UTC), -3_000_000_000])
def test_what_is_no_moment_is_refused(inside, value: Any) -> None:
    field = visit()
    with pytest.raises(Invalid) as refused:
        anna(field, value)
    assert list(refused.value.fields) == [f"custom_{field.pk}"]
    assert not Contact.objects.exists()


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("2026-11-28", True), ("2026-11-27", False), ("2026-11-29", False), ("2026-11-28..2026-11-28", True), ("2026-11-29..", False), ("..2026-11-28", True), ("..2026-11-27", False),
        ("2026-11-01..2026-12-01", True), ("..", True), ("..9999-12-31", True), ("9999-12-31", False), ("0001-01-01..", True), ("0001-01-01", False), ("..0001-01-01", False), ("1800-01-01..9999-12-30", True), ("soon", False), ("2026-11-01..soon", False), ("2026-13-45", False),
    ],
)  # fmt: skip
def test_it_is_found_by_days(inside, text: str, is_found: bool) -> None:
    field = visit()
    anna(field)
    contacts.create_contact(ROBOT, first_name="Eva")
    assert found(field, text) == (["Anna"] if is_found else [])


def test_a_day_begins_and_ends_in_the_firms_time_zone(inside) -> None:
    field = visit()
    anna(field, "2026-11-28T23:30:00Z")
    assert (found(field, "2026-11-28"), found(field, "2026-11-29")) == ([], ["Anna"])


def test_people_make_the_field_and_fill_it_in(doors) -> None:
    with doors.unit():
        Preferences.objects.update(time_zone="Europe/Amsterdam")
    page = doors.client()
    assert page.post("/settings/fields?entity=contact", {"name": "Visit", "kind": "moment"}).status_code == 303
    with doors.unit():
        field = CustomField.objects.get(name="Visit")
    assert "Date and time" in page.get("/settings/fields?entity=contact").content.decode()
    name = f"custom_{field.pk}"
    assert page.post("/contacts/new", {"first_name": "Anna", name: "2026-11-28T15:30"}).status_code == 303
    with doors.unit():
        one = Contact.objects.get()
        assert one.custom == {str(field.pk): [{"value": AT}]}
    assert f'<input type="datetime-local" name="{name}" value="2026-11-28T15:30"' in page.get(f"/contacts/{one.pk}/edit").content.decode()
    assert "2026-11-28 15:30" in page.get(f"/contacts/{one.pk}").content.decode()
    refused = page.post(f"/contacts/{one.pk}/edit", {"first_name": "Anna", "version": one.version, name: "soon"})
    assert (refused.status_code, 'value="soon"' in refused.content.decode()) == (422, True)


def test_seconds_that_a_program_wrote_stay_when_a_person_saves(doors) -> None:
    with doors.unit():
        field = visit()
        one = anna(field, AT + 7)
    page, name = doors.client(), f"custom_{field.pk}"
    assert 'value="2026-11-28T15:30:07"' in page.get(f"/contacts/{one.pk}/edit").content.decode()
    assert page.post(f"/contacts/{one.pk}/edit", {"first_name": "Eva", "version": one.version, name: "2026-11-28T15:30:07"}).status_code == 303
    with doors.unit():
        assert Contact.objects.get().custom == {str(field.pk): [{"value": AT + 7}]}



@pytest.mark.parametrize(("before", "typed", "after"), [(TWICE + 3600, "2026-10-25T02:30", TWICE + 3600), (TWICE, "2026-10-25T02:30", TWICE), (AT, "2026-10-25T02:30", TWICE), (None, "2026-03-29T02:30", None), (AT, "1800-01-01T10:00", AT), (AT, "9999-12-31T23:59", AT), (AT, "0001-01-01T00:00", AT), (AT, "", None)])
def test_hours_that_come_twice_or_never_and_years_beyond_all(doors, before: int | None, typed: str, after: int | None) -> None:
    with doors.unit():
        field = visit()
        one = anna(field, before)
    name = f"custom_{field.pk}"
    answer = doors.client().post(f"/contacts/{one.pk}/edit", {"first_name": "Eva", "version": one.version, name: typed})
    with doors.unit():
        kept = Contact.objects.get()
    taken = typed == "" or typed.startswith("2026-10")
    assert (answer.status_code, kept.first_name, kept.custom.get(str(field.pk))) == ((303, "Eva", [{"value": after}] if after else None) if taken else (422, "Anna", [{"value": after}] if after else None))
    assert taken or f'value="{typed}"' in answer.content.decode()


def test_what_a_program_left_that_is_no_moment_is_shown_and_stays(doors) -> None:
    with doors.unit():
        field = visit()
        one = Contact.objects.create(first_name="Anna", custom={str(field.pk): [{"value": "next week"}]})
    page = doors.client()
    assert ("next week" in page.get(f"/contacts/{one.pk}").content.decode(), "datetime-local" in page.get(f"/contacts/{one.pk}/edit").content.decode()) == (True, False)
    assert page.post(f"/contacts/{one.pk}/edit", {"first_name": "Eva", "version": one.version}).status_code == 303
    with doors.unit():
        kept = Contact.objects.get()
    assert (kept.first_name, kept.custom) == ("Eva", {str(field.pk): [{"value": "next week"}]})


@pytest.mark.parametrize("seconds", [0, 7, TWICE - AT, TWICE + 3600 - AT])
def test_an_export_read_back_keeps_it(doors, seconds: int) -> None:
    with doors.unit():
        field = visit()
        custom.add_field(ROBOT, entity="contact", name="Of a program", kind=Kind.OTHER, wire={"type": "file"})
        one = contacts.create_contact(ROBOT, first_name="Anna", emails=[{"address": "a@a.example"}], custom={str(field.pk): AT + seconds})
    content = doors.client().get("/export/contact?format=csv").content
    with doors.unit():
        contacts.change_contact(ROBOT, one.pk, custom={str(field.pk): None})
        assert not FieldIndex.objects.filter(field=field).exists()
    run = bring_in(doors, content, "contact.csv")
    with doors.unit():
        assert list(ImportRow.objects.filter(run=run).values_list("reason", flat=True)) == []
        assert Contact.objects.get().custom == {str(field.pk): [{"value": AT + seconds}]}
        assert FieldIndex.objects.filter(field=field, num=AT + seconds).exists()


@pytest.mark.parametrize(("cell", "at"), [("28.11.2026 15:30", AT), ("28.11.2026, 15:30:07", AT + 7), ("28 Nov 2026 15:30", AT), ("Nov 28, 2026 3:30 PM", AT), ("28 ноября 2026 г. 15:30", AT), ("28.11.2026 12:30 am", AT - 54_000), ("28 Nov 2026 half past 15:30h", None), ("28.11.2026 13:30 pm", None), ("28.11.2026\u00a015:30", AT), ("28.11.2026 14:30-15:30", None), ("29.03.2026 02:30", None), ("2026-11-28 14:30:00+00", AT), ("28/11/2026 15:30:00", AT), ("2026-11-28T14:30:00Z", AT), ("28.11.2026", AT - 55_800), ("28.11.2026 25:30", None), ("soon", None)])
def test_cells_of_a_file_are_read_as_people_write_them(doors, cell: str, at: int | None) -> None:
    with doors.unit():
        field = visit()
    run = bring_in(doors, f"First name;Visit\nAnna;{cell}\nEva;29.11.2026 10:00\n".encode(), "people.csv", kind="contacts")
    with doors.unit():
        refused = list(ImportRow.objects.filter(run=run).values_list("reason", flat=True))
        read = [one.custom.get(str(field.pk)) for one in Contact.objects.filter(first_name="Anna")]
    assert (read, len(refused)) == (([[{"value": at}]], 0) if at else ([], 1))


def test_fields_of_an_earlier_release_come_into_the_index(inside) -> None:
    field, other = visit(), custom.add_field(ROBOT, entity="contact", name="Paper", kind=Kind.OTHER, wire={"type": "file"})
    one = anna(field)
    CustomField.objects.filter(pk=field.pk).update(filterable=False)
    Contact.objects.create(first_name="Eva", custom={str(field.pk): [{"value": "never"}], str(other.pk): [{"value": AT}]})
    FieldIndex.objects.all().delete()
    for _twice in range(2):
        import_module("crm_core.groundwork.custom_fields.migrations.0003_moments").index(apps, SimpleNamespace(connection=connection))
        assert list(FieldIndex.objects.values_list("field_id", "record_id", "num")) == [(field.pk, one.pk, AT)]
    assert list(CustomField.objects.order_by("pk").values_list("filterable", flat=True)) == [True, False]


def test_the_order_of_day_and_month_is_seen_behind_times_too() -> None:
    found = recognising.date_order(["11/28/2026 2:30 PM", "11/05/2026 2:30 PM", "12/03/2026\u00a09:00 AM"])
    assert found is not None
    assert (found.order, found.certain) == ("mdy", True)
    assert recognising.read_moment("11/05/2026 2:30 PM", "mdy", zone=UTC) == datetime(2026, 11, 5, 14, 30, tzinfo=UTC)
    assert recognising.looks_like_date("11/05/2026 2:30 PM")
