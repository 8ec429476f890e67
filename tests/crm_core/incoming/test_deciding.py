"""What becomes of a lead: accepted, linked, merged, declined, put back; by whom, and what is told."""

from __future__ import annotations

import pytest

from crm_core.engagement.notes.models import Note
from crm_core.people.contacts import services as contacts
from crm_core.people.contacts.models import Contact
from crm_core.sales.deals import services as deals
from crm_core.sales.deals.models import Deal, DealContact
from crm_core.sales.incoming import deciding, queries, services
from crm_core.sales.incoming.models import IncomingLead
from crm_core.sales.pipelines import queries as pipelines
from crm_platform.events.models import Event
from crm_platform.kernel import gates
from crm_platform.kernel.errors import Forbidden, Invalid, NotFound, PlanRefusal
from tests.factories.cast import cast

from .kit import ROBOT, came, source


def told() -> Event:
    return Event.objects.order_by("-id")[0]


def test_accepting_makes_deal_contact_and_company_and_tells_it(inside) -> None:
    lead = came({"name": "Camille Duquesnoy", "email": "camille@maison.example", "company": "Maison Lumière", "message": "Bonjour", "budget": "1250", "utm_source": "ads"}, through=source())
    done = services.accept(ROBOT, lead.uid)
    deal, contact = Deal.objects.get(pk=done.deal_id), Contact.objects.get(pk=done.contact_id)
    assert (done.state, deal.name, deal.sum_minor, deal.source, deal.company.name) == ("accepted", "Camille Duquesnoy", 125_000, "Our site", "Maison Lumière")
    assert (contact.first_name, contact.last_name, contact.emails[0]["address"]) == ("Camille", "Duquesnoy", "camille@maison.example")
    assert DealContact.objects.get(deal=deal).contact_id == contact.pk
    note = Note.objects.get(entity="deal", record_id=deal.pk)
    assert "Bonjour" in note.text
    assert "utm_source: ads" in note.text
    assert (told().name, f"deal:{deal.pk}" in told().subjects, f"contact:{contact.pk}" in told().subjects) == ("incoming.accepted", True, True)


def test_accepting_chooses_stage_and_person(inside) -> None:
    stage = pipelines.everything().open_of(pipelines.first().pk)[1]
    someone = cast()["seller"]
    done = services.accept(ROBOT, came().uid, user_id=someone.user_id, stage_id=stage.pk)
    deal = Deal.objects.get(pk=done.deal_id)
    assert (deal.stage_id, deal.responsible_id) == (stage.pk, someone.user_id)


def test_accepting_takes_the_known_contact_and_completes_it(inside) -> None:
    known = contacts.create_contact(ROBOT, first_name="Camille", emails=[{"address": "Camille@maison.example"}])
    done = services.accept(ROBOT, came().uid)
    assert done.contact_id == known.pk
    assert Contact.objects.get(pk=known.pk).phones[0]["number"] == "+31655550142"
    other = services.accept(ROBOT, came().uid, apart=True)
    assert other.contact_id != known.pk


def test_accepting_where_the_plan_is_full_says_so_and_the_lead_waits_on(inside, monkeypatch) -> None:
    lead = came()

    def full(metric: str, *, adding: int = 1) -> None:
        raise PlanRefusal(what="Contacts", held=1, taken=1)

    monkeypatch.setattr(gates, "require", full)
    before = Deal.objects.count(), Contact.objects.count()
    done, refused = deciding.each([lead.uid], lambda uid: services.accept(ROBOT, uid))
    assert (done, refused.code) == (0, "limit_reached")
    assert (Deal.objects.count(), Contact.objects.count(), IncomingLead.objects.get(pk=lead.pk).state) == (*before, "waiting")


def test_twice_is_refused_and_says_by_whom(inside) -> None:
    lead, everyone = came(), cast()
    services.accept(everyone["owner"], lead.uid)
    count = Deal.objects.count()
    with pytest.raises(services.DecidedMeanwhile) as refused:
        services.accept(everyone["manager"], lead.uid)
    assert (refused.value.facts["who"], Deal.objects.count()) == ("Otto", count)


def test_only_the_contact(inside) -> None:
    done = services.accept_contact(ROBOT, came().uid)
    assert (done.state, done.deal_id, Contact.objects.get(pk=done.contact_id).name) == ("accepted", None, "Camille Duquesnoy")
    with pytest.raises(Invalid):
        services.accept_contact(ROBOT, came({"message": "who am I"}).uid)


def test_linking_to_a_deal_adds_words_and_person(inside) -> None:
    deal, person = deals.create_deal(ROBOT, name="Shelves"), contacts.create_contact(ROBOT, first_name="Ada")
    lead = came()
    done = services.link(ROBOT, lead.uid, entity="deal", pk=deal.pk, contact_id=person.pk)
    assert (done.state, done.deal_id, done.contact_id) == ("linked", deal.pk, person.pk)
    assert "Bonjour" in Note.objects.get(entity="deal", record_id=deal.pk).text
    assert DealContact.objects.get(deal=deal).contact_id == person.pk
    assert told().name == "incoming.linked"
    with pytest.raises(Invalid):
        services.link(ROBOT, came().uid, entity="company", pk=1)
    with pytest.raises(NotFound):
        services.link(ROBOT, came().uid, entity="deal", pk=10**9)


def test_merging_completes_the_contact(inside) -> None:
    known = contacts.create_contact(ROBOT, first_name="Camille", phones=[{"number": "+31655550142"}])
    done = services.merge(ROBOT, came().uid, contact_id=known.pk)
    assert (done.state, told().name) == ("merged", "incoming.merged")
    contact = Contact.objects.get(pk=known.pk)
    assert ([row["number"] for row in contact.phones], [row["address"] for row in contact.emails]) == (["+31655550142"], ["camille@maison.example"])
    assert Note.objects.filter(entity="contact", record_id=known.pk).count() == 1


def test_those_of_one_number_become_one(inside) -> None:
    first, second, other = came(), came({"phone": "+31655550142", "message": "Encore moi"}), came({"phone": "+31655550199"})
    assert services.merge_twins(ROBOT, first.uid) == 1
    states = dict(IncomingLead.objects.filter(pk__in=[first.pk, second.pk, other.pk]).values_list("pk", "state"))
    assert states == {first.pk: "waiting", second.pk: "merged", other.pk: "waiting"}
    assert "Encore moi" in IncomingLead.objects.get(pk=first.pk).message


def test_declining_and_back(inside) -> None:
    lead = came()
    done = services.decline(ROBOT, lead.uid, reason=" Spam ")
    assert (done.state, done.reason, told().name, told().after["reason"]) == ("declined", "Spam", "incoming.declined", "Spam")
    with pytest.raises(Invalid):
        services.decline(ROBOT, came().uid, reason="x" * 501)
    back = services.put_back(ROBOT, lead.uid)
    assert (back.state, back.decided_at, told().name) == ("waiting", None, "incoming.put_back")
    with pytest.raises(services.DecidedMeanwhile):
        services.put_back(ROBOT, lead.uid)


def test_giving(inside) -> None:
    seller, lead = cast()["seller"], came()
    assert services.give(ROBOT, lead.uid, user_id=seller.user_id).responsible_id == seller.user_id
    assert told().name == "incoming.given"
    with pytest.raises(Invalid):
        services.give(ROBOT, lead.uid, user_id=10**9)


def outcome(actor, lead, verb) -> str:
    try:
        verb(actor, lead.uid)
    except NotFound:
        return "unseen"
    except Forbidden:
        return "refused"
    return "done"


@pytest.mark.parametrize(
    ("whose", "expected"),
    [
        ("nobody", {"owner": "done", "administrator": "done", "manager": "done", "seller": "done", "mate": "done", "other": "done", "viewer": "refused"}),
        ("seller", {"owner": "done", "administrator": "done", "manager": "done", "seller": "done", "mate": "refused", "other": "unseen", "viewer": "refused"}),
    ],
)
def test_who_decides(inside, whose: str, expected: dict[str, str]) -> None:
    everyone = cast()
    found = {}
    for name, actor in everyone.items():
        lead = came()
        IncomingLead.objects.filter(pk=lead.pk).update(responsible=None if whose == "nobody" else everyone[whose].user_id)
        found[name] = outcome(actor, lead, services.decline)
        assert queries.waiting(actor).filter(pk=lead.pk).exists() == (found[name] == "refused"), name
    assert found == expected


def test_figures(inside) -> None:
    before = queries.summary(ROBOT)
    services.accept(ROBOT, came(category="forms").uid)
    services.decline(ROBOT, came().uid)
    came()
    after = queries.summary(ROBOT)
    assert {name: after[name] - before[name] for name in ("total", "accepted", "declined", "waiting")} == {"total": 3, "accepted": 1, "declined": 1, "waiting": 1}
    assert after["categories"]["forms"] == before["categories"].get("forms", 0) + 1
