"""A lead that names several people: all of them are made or found when it is accepted, the main one first."""

from __future__ import annotations

from typing import Any

import pytest

from crm_core.engagement.notes.models import Note
from crm_core.people.contacts import services as contacts
from crm_core.people.contacts.models import Contact
from crm_core.sales.deals.models import Deal, DealContact
from crm_core.sales.incoming import duplicates, making, services
from crm_core.sales.incoming.models import IncomingLead
from crm_platform.events.models import Event
from crm_platform.kernel import gates
from crm_platform.kernel.errors import PlanRefusal
from tests.factories.cast import cast

from .kit import ROBOT, came

CAMILLE, BOB, EVE = {"name": "Camille Duquesnoy", "email": "camille@maison.example"}, {"name": "Bob Stone", "phone": "+31 6 5555 0142"}, {"first_name": "Eve", "emails": ["eve@maison.example"]}


def brought(*people: dict[str, Any], **more: Any) -> IncomingLead:
    return came({"leads": [{"name": "Banquettes"}], "contacts": list(people), **more})


def names(deal_id: int | None) -> list[str]:
    return [one.contact.name for one in DealContact.objects.filter(deal=deal_id).select_related("contact").order_by("-main", "id")]


def test_accepting_makes_them_all_with_the_main_one_first_and_tells_each(inside) -> None:
    done = services.accept(ROBOT, brought(CAMILLE, BOB, {}, EVE, companies=[{"name": "Maison"}]).uid)
    assert (names(done.deal_id), Contact.objects.get(pk=done.contact_id).name) == (["Camille Duquesnoy", "Bob Stone", "Eve"], "Camille Duquesnoy")
    assert DealContact.objects.get(deal=done.deal_id, main=True).contact_id == done.contact_id
    people = list(Contact.objects.order_by("pk"))
    assert [one.phones[0]["number"] if one.phones else one.emails[0]["address"] for one in people] == ["camille@maison.example", "+31655550142", "eve@maison.example"]
    assert Event.objects.filter(name="contact.created").count() == 3
    accepted = Event.objects.get(name="incoming.accepted")
    assert {f"deal:{done.deal_id}", *(f"contact:{one.pk}" for one in people)} <= set(accepted.subjects)
    assert "Bob Stone" in Note.objects.get(entity="deal", record_id=done.deal_id).text


def test_each_is_looked_for_by_what_is_their_own(inside) -> None:
    bob = contacts.create_contact(ROBOT, first_name="Robert", phones=[{"number": "+31655550142"}])
    lead = brought(CAMILLE, {**BOB, "email": "bob@maison.example"})
    assert not duplicates.of(ROBOT, [lead])[lead.pk].contacts  # who is known is not its main person
    done = services.accept(ROBOT, lead.uid)
    assert names(done.deal_id) == ["Camille Duquesnoy", "Robert"]
    bob = Contact.objects.get(pk=bob.pk)
    assert ([one["address"] for one in bob.emails], Contact.objects.count()) == (["bob@maison.example"], 2)
    assert not Contact.objects.get(pk=done.contact_id).phones


def test_nobody_stands_there_twice_and_apart_all_are_new(inside) -> None:
    done = services.accept(ROBOT, brought(CAMILLE, BOB, {**CAMILLE, "name": "C. D."}).uid)
    assert (names(done.deal_id), Contact.objects.count()) == (["Camille Duquesnoy", "Bob Stone"], 2)
    apart = services.accept(ROBOT, brought(CAMILLE, BOB).uid, apart=True)
    assert (len(names(apart.deal_id)), Contact.objects.count()) == (2, 4)


def test_who_may_not_be_changed_is_left_and_who_may_not_be_seen_is_another(inside) -> None:
    people = cast()
    theirs = contacts.create_contact(ROBOT, first_name="Robert", phones=[{"number": "+31655550142"}], responsible_id=people["other"].user_id)
    done = services.accept(people["seller"], brought(CAMILLE, {**BOB, "email": "bob@maison.example"}).uid)
    assert names(done.deal_id) == ["Camille Duquesnoy", "Bob Stone"]
    assert not Contact.objects.get(pk=theirs.pk).emails


def test_only_the_contacts(inside) -> None:
    done = services.accept_contact(ROBOT, brought(CAMILLE, BOB).uid)
    assert (Deal.objects.count(), Contact.objects.get(pk=done.contact_id).name, Contact.objects.count()) == (0, "Camille Duquesnoy", 2)


def test_a_plan_that_holds_one_more_makes_none(inside, monkeypatch: pytest.MonkeyPatch) -> None:
    lead, place = brought(CAMILLE, BOB), iter([True])

    def one_more(metric: str, **_more: Any) -> None:
        if metric == "contacts" and not next(place, False):
            raise PlanRefusal(what="Contacts", held=1, taken=1)

    monkeypatch.setattr(gates, "require", one_more)
    count, refused = services.each([lead.uid], lambda uid: services.accept(ROBOT, uid))
    assert (count, isinstance(refused, PlanRefusal), Contact.objects.count(), Deal.objects.count()) == (0, True, 0, 0)
    assert IncomingLead.objects.get(pk=lead.pk).state == "waiting"


def test_merging_and_declining_make_nobody(inside) -> None:
    known = contacts.create_contact(ROBOT, first_name="Camille")
    services.merge(ROBOT, brought(CAMILLE, BOB).uid, contact_id=known.pk)
    services.put_back(ROBOT, services.decline(ROBOT, brought(CAMILLE, BOB).uid).uid)
    assert Contact.objects.count() == 1
    assert (Contact.objects.get(pk=known.pk).emails[0]["address"], Contact.objects.get(pk=known.pk).phones) == ("camille@maison.example", [])
    assert "Bob Stone" in Note.objects.get(entity="contact", record_id=known.pk).text


def test_a_bounded_number_is_made(inside) -> None:
    done = services.accept(ROBOT, brought(*({"name": f"N{number}"} for number in range(making.MOST_PEOPLE + 5))).uid)
    assert len(names(done.deal_id)) == making.MOST_PEOPLE
