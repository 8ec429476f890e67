"""What an import changes of records that are there: only what its person may, and how a contact is reached."""

from __future__ import annotations

import pytest

from crm_core.groundwork.imports import commands, services
from crm_core.groundwork.imports.models import ImportRow, Stage
from crm_core.people.companies import services as company_services
from crm_core.people.contacts import services as contact_services
from crm_core.people.contacts.models import Contact
from crm_core.sales.deals import services as deal_services
from crm_core.sales.deals.models import Deal
from crm_platform.events.models import Event
from tests.crm_core.test_imports import ROBOT, bring_in
from tests.factories.cast import cast


@pytest.mark.parametrize(("kind", "content"), [
    ("contacts", "First name,Last name,Email,Position\nTheirs,One,theirs@a.example,Stolen\nMine,One,mine@a.example,Changed\n"),
    ("companies", "Name,Industry\nTheirs,Stolen\nMine,Changed\n"),
    ("deals", "Name,Number elsewhere,Source\nTheirs,T1,Stolen\nMine,M1,Changed\n"),
])  # fmt: skip
def test_an_import_changes_only_what_its_person_may_change(doors, kind, content) -> None:
    with doors.unit():
        people = cast()
        seller, other = people["seller"], people["other"]
        for name, who in (("Theirs", other), ("Mine", seller)):
            if kind == "contacts":
                contact_services.create_contact(ROBOT, first_name=name, last_name="One", emails=[{"address": f"{name.lower()}@a.example"}], responsible_id=who.user_id)
            elif kind == "companies":
                company_services.create_company(ROBOT, name=name, responsible_id=who.user_id)
            else:
                deal_services.create_deal(ROBOT, name=name, external_id=f"{name[0]}1", responsible_id=who.user_id)
        run = services.upload(seller, name="list.csv", chunks=[content.encode()], kind=kind)
        services.choose(seller, run.pk, kind=kind, chosen=run.mapping, choices={**run.choices, "duplicates": "update"})
        services.start(seller, run.pk)
    run = commands._until_done(doors.place, run.pk, (Stage.RUNNING,))
    assert (run.totals["created"], run.totals["updated"], run.totals["errors"]) == (0, 1, 1), run.totals
    with doors.unit():
        [refused] = ImportRow.objects.filter(run=run, state="error")
        assert "not yours to change" in refused.reason
        events = Event.objects.filter(name__in=("contact.changed", "company.changed", "deal.changed"))
        assert [event.actor_id for event in events] == [seller.user_id]


def test_how_a_deal_s_contact_is_reached_comes_in_with_it(doors) -> None:
    content = "Deal,Contact,Phone,Email\nOne,Anna Visser,+31 20 555 0188,anna@a.example\nTwo,Anna Visser,,anna.work@a.example\nThree,,+31 20 555 0199,\nFour,Other Person,+31 20 555 0188,\nFive,,,\n"
    run = bring_in(doors, content, kind="deals")
    assert (run.totals["created"], run.totals["errors"]) == (5, 0), run.totals
    with doors.unit():
        anna = Contact.objects.get(first_name="Anna")
        assert ([row["number"] for row in anna.phones], [row["address"] for row in anna.emails]) == (["+31205550188"], ["anna@a.example", "anna.work@a.example"])
        reached = {deal.name: [link.contact.name for link in deal.people.select_related("contact")] for deal in Deal.objects.all()}
    assert reached == {"One": ["Anna Visser"], "Two": ["Anna Visser"], "Three": ["+31 20 555 0199"], "Four": ["Other Person"], "Five": []}
