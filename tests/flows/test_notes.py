"""Notes on their card: changed, taken off and put back by those whose words they are."""

from __future__ import annotations

import pytest

from crm_core.engagement.notes import services as notes
from crm_core.engagement.notes.models import Note
from crm_core.people.companies import services as companies
from crm_core.sales.deals import services as deals
from crm_platform.events.models import Event
from crm_platform.kernel.permissions import robot
from tests.factories.cast import cast

ROBOT = robot("test")


@pytest.fixture
def deal(doors):
    """A deal of Sam with a pinned and a plain note of his, and one of the other seller's group mate."""
    with doors.unit():
        people = cast()
        company = companies.create_company(ROBOT, name="Bakker", responsible_id=people["seller"].user_id)
        made = deals.create_deal(ROBOT, name="Shelves", company_id=company.pk, responsible_id=people["seller"].user_id)
        notes.add(people["seller"], entity="deal", pk=made.pk, text="Likes oak", pinned=True)
        notes.add(people["seller"], entity="deal", pk=made.pk, text="Second & last")
        notes.add(people["mate"], entity="deal", pk=made.pk, text="Of Max")
        return made


def test_each_sees_the_controls_of_ones_own_notes(doors, deal) -> None:
    for who, own in (("sam", {1, 2}), ("max", {3}), ("vera", set()), ("otto", {1, 2, 3})):
        card = doors.client(f"{who}@veldhuis.example").get(f"/deals/{deal.pk}").content.decode()
        for pk in (1, 2, 3):
            assert (f'href="/notes/{pk}/edit"' in card, f'action="/notes/{pk}/remove"' in card) == (pk in own, pk in own), (who, pk)
    elsewhere = doors.client("sam@veldhuis.example").get(f"/companies/{deal.company_id}").content.decode()
    assert "Second &amp; last" in elsewhere
    assert "/notes/2/edit" not in elsewhere
    earlier = doors.client("sam@veldhuis.example").get(f"/timeline/deal/{deal.pk}?before=1000000").content.decode()
    assert 'href="/notes/2/edit"' in earlier


def test_a_note_is_rewritten_and_the_card_says_what_it_says_now(doors, deal) -> None:
    sam = doors.client("sam@veldhuis.example")
    assert "Second &amp; last" in sam.get("/notes/2/edit").content.decode()
    empty = sam.post("/notes/2/edit", {"text": "  "})
    assert (empty.status_code, "The note is empty." in empty.content.decode()) == (422, True)
    assert sam.post("/notes/2/edit", {"text": "Second, better"}).headers["Location"] == f"/deals/{deal.pk}"
    card = sam.get(f"/deals/{deal.pk}").content.decode()
    assert card.count("Second &amp; last") == 1  # before and after
    assert card.count("Second, better") == 2
    with doors.unit():
        count = Event.objects.count()
    assert sam.post("/notes/2/edit", {"text": "Second, better"}).status_code == 303
    assert doors.client("max@veldhuis.example").get("/notes/2/edit").status_code == 403
    assert doors.client("max@veldhuis.example").post("/notes/2/edit", {"text": "Mine"}).status_code == 403
    with doors.unit():
        assert (Event.objects.count(), Note.objects.get(pk=2).text) == (count, "Second, better")


def test_a_note_is_taken_off_and_put_back(doors, deal) -> None:
    sam = doors.client("sam@veldhuis.example")
    assert doors.client("max@veldhuis.example").post("/notes/1/remove").status_code == 403
    for pk, words in ((1, "Likes oak"), (2, "Second &amp; last")):
        assert sam.post(f"/notes/{pk}/remove").status_code == 303
        card = sam.get(f"/deals/{deal.pk}").content.decode()
        assert words not in card
        assert f"/notes/{pk}/restore" in card  # the way back, in the toast
        assert f"/notes/{pk}/edit" not in card
        assert words not in sam.get(f"/companies/{deal.company_id}").content.decode()
        assert sam.get(f"/notes/{pk}/edit").status_code == 404
        assert doors.client("max@veldhuis.example").post(f"/notes/{pk}/restore").status_code == 403
        assert sam.post(f"/notes/{pk}/restore").headers["Location"] == f"/deals/{deal.pk}"
        assert words in sam.get(f"/deals/{deal.pk}").content.decode()
    assert sam.post("/notes/1/restore").status_code == 404
    assert "put a note back" in sam.get(f"/deals/{deal.pk}").content.decode()


def test_a_card_costs_the_same_with_and_without_notes(doors, count_statements, deal) -> None:
    client, counts = doors.client(), []
    with doors.unit():
        bare = deals.create_deal(ROBOT, name="Bare", company_id=deal.company_id)
    for pk in (bare.pk, deal.pk):
        client.get(f"/deals/{pk}")
        with count_statements() as count:
            assert client.get(f"/deals/{pk}").status_code == 200
        counts.append(count())
    assert counts[0] == counts[1]
