"""The engine of verbs: it does it; it refuses, and nothing changed; it announces the event."""

from __future__ import annotations

import pytest

from crm_core.groundwork.records import writing
from crm_core.groundwork.search import queries as search
from crm_core.groundwork.search.models import SearchRow
from crm_core.groundwork.timeline import services as timeline
from crm_core.people.contacts import services as contacts
from crm_core.people.contacts.kind import CONTACT
from crm_core.people.contacts.models import Contact
from crm_platform.events.models import Event
from crm_platform.kernel import gates
from crm_platform.kernel.errors import Forbidden, Invalid, NotFound, PlanRefusal
from crm_platform.kernel.permissions import robot
from tenants.inside import services as inside_services
from tenants.inside.models import WorkspaceState
from tests.factories.cast import cast

ROBOT = robot("test")


def last_event() -> Event:
    return Event.objects.order_by("-id")[0]


def test_a_contact_is_created_found_and_announced(inside) -> None:
    contact = contacts.create_contact(ROBOT, first_name="Daan", last_name="Visser", phones=[{"number": "+31 20 555 0188"}], emails=[{"address": "Daan@Bergh.example"}])
    assert contact.name == "Daan Visser"
    assert contact.phones[0]["number"] == "+31205550188"
    assert contact.keys == ["p:31205550188", "e:daan@bergh.example"]
    event = last_event()
    assert (event.name, event.subjects, event.after["last_name"]) == ("contact.created", [f"contact:{contact.pk}"], "Visser")
    for text in ("daan", "viss", "VISSER daan", "020 555 01 88", "+31-20-5550188", "5550188", "daan@bergh"):
        assert [row.record_id for row in search.find(ROBOT, text)] == [contact.pk], text
    for text in ("nobody", "da_n", "d%n", "daan\\", "%%%", "___", "5550187", "0205550189", "\0\0\0"):
        assert search.find(ROBOT, text) == [], text
    assert search.find(ROBOT, "daan", entities=["deal"]) == []


def test_a_mark_in_a_name_is_looked_for_as_it_stands(inside) -> None:
    for name in ("100% Wool_Shop", "100 Wool Shop"):
        contacts.create_contact(ROBOT, first_name=name)
    assert [row.title for row in search.find(ROBOT, "100%")] == ["100% Wool_Shop"]
    assert [row.title for row in search.find(ROBOT, "wool_shop")] == ["100% Wool_Shop"]


@pytest.mark.parametrize("values", [{}, {"first_name": "x" * 121}, {"first_name": "A", "emails": [{"address": "nonsense"}]}])
def test_a_contact_without_sense_is_refused_and_nothing_is_there(inside, values) -> None:
    before = Contact.objects.count(), Event.objects.count(), SearchRow.objects.count()
    with pytest.raises(Invalid):
        contacts.create_contact(ROBOT, **values)
    assert (Contact.objects.count(), Event.objects.count(), SearchRow.objects.count()) == before


def test_a_change_says_before_and_after_and_can_be_put_back(inside) -> None:
    contact = contacts.create_contact(ROBOT, first_name="Daan", last_name="Visser")
    contacts.change_contact(ROBOT, contact.pk, last_name="Visscher", position="Buyer")
    event = last_event()
    assert event.name == "contact.changed"
    assert event.before == {"last_name": "Visser", "name": "Daan Visser", "position": ""}
    assert search.find(ROBOT, "visscher")
    timeline.put_back(ROBOT, event_id=event.pk, name="last_name")
    assert Contact.objects.get(pk=contact.pk).name == "Daan Visser"
    assert Contact.objects.get(pk=contact.pk).position == "Buyer"


def test_no_difference_is_no_event(inside) -> None:
    contact = contacts.create_contact(ROBOT, first_name="Daan")
    count = Event.objects.count()
    changed = contacts.change_contact(ROBOT, contact.pk, first_name="Daan")
    assert (Event.objects.count(), changed.version) == (count, 1)


def test_a_form_of_an_older_version_shows_both_sides_and_saves_nothing(inside) -> None:
    contact = contacts.create_contact(ROBOT, first_name="Daan")
    contacts.change_contact(ROBOT, contact.pk, version=1, first_name="Dana")
    with pytest.raises(writing.ChangedMeanwhile) as refused:
        contacts.change_contact(ROBOT, contact.pk, version=1, first_name="Dirk")
    assert refused.value.facts["fields"] == {"first_name": ("Dana", "Dirk")}
    assert Contact.objects.get(pk=contact.pk).first_name == "Dana"


def test_the_bin_keeps_links_search_and_counter_right(inside) -> None:
    contact = contacts.create_contact(ROBOT, first_name="Daan", companies=[{"company": "Bergh", "role": "Buyer"}])
    used = gates.usage("contacts").used
    writing.put_in_bin(ROBOT, CONTACT, [contact.pk])
    assert last_event().name == "contact.binned"
    assert gates.usage("contacts").used == used - 1
    assert search.find(ROBOT, "daan") == []
    with pytest.raises(NotFound):
        writing.get(ROBOT, CONTACT, contact.pk)
    writing.restore(ROBOT, CONTACT, [contact.pk])
    assert gates.usage("contacts").used == used
    assert [link.company.name for link in Contact.objects.get(pk=contact.pk).employments.all()] == ["Bergh"]
    assert search.find(ROBOT, "daan")


def test_the_limit_refuses_adding_and_loses_nothing(inside) -> None:
    WorkspaceState.objects.update(limits={"contacts": 10}, billing_state="active")
    inside_services.forget()
    rows = [{"first_name": f"Person {at}"} for at in range(11)]
    contacts.create_contacts(ROBOT, rows)  # ten, and the buffer of ten percent
    gates.settle()
    with pytest.raises(PlanRefusal) as refused:
        contacts.create_contact(ROBOT, first_name="One more")
    assert (refused.value.facts["limit"], refused.value.facts["ceiling"], refused.value.facts["used"]) == (10, 11, 11)
    assert Contact.objects.filter(first_name="One more").count() == 0
    writing.put_in_bin(ROBOT, CONTACT, [Contact.objects.first().pk])
    gates.settle()
    contacts.create_contact(ROBOT, first_name="One more")


# who → may view, edit, delete a contact of: the seller, a mate of the group, one of another group, nobody
EXPECTED = {
    "owner": ("vedx", "vedx", "vedx", "vedx"),
    "administrator": ("vedx", "vedx", "vedx", "vedx"),
    "manager": ("vedx", "vedx", "ve", "ve"),
    "seller": ("ved", "v", "", ""),
    "mate": ("v", "ved", "", ""),
    "other": ("", "", "ved", ""),
    "viewer": ("v", "v", "v", "v"),
}


@pytest.mark.parametrize("who", EXPECTED)
def test_the_whole_cast_sees_and_does_what_its_role_says(inside, who) -> None:
    people = cast()
    owners = (people["seller"].user_id, people["mate"].user_id, people["other"].user_id, None)
    records = [contacts.create_contact(ROBOT, first_name=f"Client {at}", responsible_id=owner) for at, owner in enumerate(owners)]
    for record, may in zip(records, EXPECTED[who], strict=True):
        assert rights(people[who], record) == may, f"{who} on {record}"
    found = {row.record_id for row in search.find(people[who], "client", most=20)}
    assert found == {record.pk for record, may in zip(records, EXPECTED[who], strict=True) if "v" in may}


def rights(actor, record) -> str:
    entity = CONTACT.entity
    allowed = [(letter, writing.may(actor, right, record)) for letter, right in (("v", entity.VIEW), ("e", entity.EDIT), ("d", entity.DELETE), ("x", entity.EXPORT))]
    return "".join(letter for letter, holds in allowed if holds)


def test_who_may_not_is_refused_and_nothing_changes(inside) -> None:
    people = cast()
    record = contacts.create_contact(ROBOT, first_name="Client", responsible_id=people["mate"].user_id)
    with pytest.raises(Forbidden):
        contacts.change_contact(people["seller"], record.pk, first_name="Mine")
    with pytest.raises(NotFound):
        contacts.change_contact(people["other"], record.pk, first_name="Mine")
    with pytest.raises(Forbidden):
        writing.put_in_bin(people["seller"], CONTACT, [record.pk])
    with pytest.raises(Forbidden):
        contacts.create_contact(people["viewer"], first_name="New")
    assert Contact.objects.get(pk=record.pk).first_name == "Client"
    assert Contact.objects.filter(first_name="New").count() == 0


@pytest.mark.parametrize("typed", ["8 916 123", "8 916 12", "+7 916 12", "+7 (916) 123-45-67", "916 123", "1234567", "007 916 123"])
def test_a_phone_is_found_however_its_first_digits_are_typed(inside, typed: str) -> None:
    contacts.create_contacts(ROBOT, [{"first_name": "Rita", "phones": [{"number": "8 (916) 123-45-67"}]}])
    assert [row.title for row in search.find(ROBOT, typed)] == ["Rita"]


@pytest.mark.parametrize("typed", ["+1504621", "+1 504 621 89", "504-621-8927", "5046218"])
def test_a_phone_without_a_country_is_found_with_one(inside, typed: str) -> None:
    contacts.create_contacts(ROBOT, [{"first_name": "James", "phones": [{"number": "504-621-8927"}]}])
    assert [row.title for row in search.find(ROBOT, typed)] == ["James"]
