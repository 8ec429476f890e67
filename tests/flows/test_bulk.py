"""One verb for many rows: only what is one's own changes, nothing is written for nobody, and what is left is said."""

from __future__ import annotations

import pytest
from django.contrib.messages import get_messages

from crm_core.groundwork.records import bulk
from crm_core.groundwork.tags.models import Tag
from crm_core.people.contacts import services as contacts
from crm_core.people.contacts.models import Contact
from crm_platform.accounts.models import User
from crm_platform.events.models import Event
from crm_platform.kernel.permissions import robot
from tests.factories.cast import cast

ROBOT = robot("test")


def sent(client, address: str, **form) -> str:
    """The toast of the answer."""
    client.cookies.pop("messages", None)
    answer = client.post(address, form)
    assert answer.status_code == 303, answer.content.decode()[:2000]
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def names(doors, **wish) -> list[str]:
    with doors.unit():
        return sorted(Contact.objects.filter(**wish).values_list("first_name", flat=True))


@pytest.mark.parametrize("everything", ["", "1"])
def test_a_tag_is_made_for_nobody_who_may_not_use_it(doors, everything: str) -> None:
    with doors.unit():
        people = cast()
        pk = contacts.create_contact(ROBOT, first_name="Anna", responsible_id=people["mate"].user_id).pk
        before = Event.objects.count()
    for who in ("vera", "sam"):
        said = sent(doors.client(f"{who}@veldhuis.example"), "/contacts/bulk", verb="tag", chosen=pk, tags="Brand new", everything=everything)
        assert said == "0 changed. 1 is not yours to change.", who
    with doors.unit():
        assert not Tag.objects.filter(name="Brand new").exists()
        assert Event.objects.count() == before
    assert sent(doors.client(), "/contacts/bulk", verb="tag", chosen=pk, tags="Brand new", everything=everything) == "1 changed."
    with doors.unit():
        assert Contact.objects.get(pk=pk).tag_ids == [Tag.objects.get(name="Brand new").pk]


@pytest.mark.parametrize(("verb", "form"), [("tag", {"tags": "VIP, New"}), ("responsible", {"responsible": "someone"}), ("responsible", {"responsible": ""}), ("bin", {})])
def test_all_is_done_a_part_at_a_time_and_the_rest_is_said(doors, monkeypatch: pytest.MonkeyPatch, verb: str, form: dict[str, str]) -> None:
    monkeypatch.setattr(bulk, "MOST_AT_ONCE", 3)
    with doors.unit():
        one = User.objects.get(email="olga@veldhuis.example").pk
        for at in range(8):
            contacts.create_contact(ROBOT, first_name=f"P{at}", responsible_id=one if verb == "responsible" and not form["responsible"] else None)
        contacts.create_contact(ROBOT, first_name="Another", last_name="Q")
    given = {**form, "responsible": str(one)} if form.get("responsible") else form
    client = doors.client()
    said = [sent(client, "/contacts/bulk?q=P", verb=verb, everything="1", **given) for _turn in range(3)]
    assert "5 are left: choose all again for the rest." in said[0]
    assert "2 are left: choose all again for the rest." in said[1]
    assert "left" not in said[2]
    assert [one.split()[0] for one in said] == ["3", "3", "2"]
    done = {"tag": {"tag_ids__len": 2}, "responsible": {"responsible": one if given.get("responsible") else None}, "bin": {"binned_at__isnull": False}}[verb]
    assert [name for name in names(doors, **done) if name.startswith("P")] == [f"P{at}" for at in range(8)]


def test_all_takes_only_what_is_ones_own(doors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "MOST_AT_ONCE", 2)
    with doors.unit():
        people = cast()
        for at, who in enumerate(("mate", "mate", "seller", "seller", "seller", "other")):
            contacts.create_contact(ROBOT, first_name=f"P{at}", responsible_id=people[who].user_id)
    client = doors.client("sam@veldhuis.example")
    assert sent(client, "/contacts/bulk", verb="tag", everything="1", tags="Mine") == "2 changed. 2 are not yours to change. 1 is left: choose all again for the rest."
    assert sent(client, "/contacts/bulk", verb="tag", everything="1", tags="Mine") == "1 changed. 2 are not yours to change."
    assert names(doors, tag_ids__len=1) == ["P2", "P3", "P4"]
    assert "in the bin" in sent(client, "/contacts/bulk", verb="bin", everything="1")
    assert names(doors, binned_at=None) == ["P0", "P1", "P4", "P5"]


def test_a_long_list_offers_a_part_of_itself(doors, monkeypatch: pytest.MonkeyPatch) -> None:
    from crm_core.groundwork.records import drawing

    with doors.unit():
        contacts.create_contacts(ROBOT, [{"first_name": f"P{at}"} for at in range(60)])
    assert 'data-bulk-everything="60">Choose all 60<' in doors.client().get("/contacts").content.decode()
    monkeypatch.setattr(drawing, "MOST_AT_ONCE", 55)
    assert 'data-bulk-everything="55">Choose 55 of 60<' in doors.client().get("/contacts").content.decode()


def test_nothing_chosen_in_the_bin_is_said(doors) -> None:
    assert sent(doors.client(), "/bin/restore", entity="contact") == "Choose at least one record to take out."
