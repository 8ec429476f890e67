"""COPY writes what INSERT would have written, whatever people typed."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from crm_core.people import reaching
from crm_core.people.contacts import services as contacts
from crm_core.people.contacts.models import Contact
from crm_platform.db.copying import MANY
from crm_platform.events.backbone import Change, emit, emit_all
from crm_platform.events.models import Event
from crm_platform.kernel.permissions import robot
from crm_platform.kernel.workspace import Place

NASTY = ['a"b', "c\\d", "", "x,y", "{z}", "NULL", "\\N", "tab\there", "line\nbreak", "Oʻzbek", "🙂", '","', "%s {{ x }}"]


def _change(number: int) -> Change:
    return Change(name="test.copied", entity="test", record_id=number, before={"when": date(2026, 3, 1), "sum": Decimal("1.50")}, after={"text": NASTY, "none": None}, also=NASTY)


def test_what_is_copied_equals_what_is_inserted(inside: Place) -> None:
    few, many = [_change(number) for number in range(2)], [_change(number) for number in range(100, 100 + MANY + 5)]
    emit_all(robot("test"), few)
    emit_all(robot("test"), many)
    emit(robot("test"), "test.copied", entity="test", record_id=0, before=few[0].before, after=few[0].after, also=NASTY)
    rows = list(Event.objects.filter(name="test.copied"))
    assert len(rows) == len(few) + len(many) + 1
    for row in rows:
        assert row.subjects[1:] == NASTY
        assert row.before == {"when": "2026-03-01", "sum": "1.50"}
        assert row.after == {"text": NASTY, "none": None}


def test_many_records_get_their_numbers_in_order(inside: Place) -> None:
    made = contacts.create_contacts(robot("test"), [{"first_name": f"{text} {at}", "phones": [{"number": f"+3120555{at:04}"}]} for at, text in enumerate(NASTY * 3)])
    ids = [contact.pk for contact in made]
    assert ids == sorted(set(ids))
    stored = Contact.objects.in_bulk(ids)
    for contact in made:
        assert stored[contact.pk].first_name == contact.first_name
        assert stored[contact.pk].keys == contact.keys
    assert contacts.create_contacts(robot("test"), [{"first_name": "next"}])[0].pk > max(ids)


def test_keys_are_found_one_by_one(inside: Place) -> None:
    made = contacts.create_contacts(robot("test"), [{"first_name": str(at), "phones": [{"number": f"+3120777{at:04}"}]} for at in range(30)])
    asked = [key for contact in made[:5] for key in contact.keys]
    assert sorted(reaching.with_keys(Contact, [*asked, "p:none"])) == [contact.pk for contact in made[:5]]
    assert reaching.with_keys(Contact, []) == []
