"""The unsorted inbox as a page: for the whole cast and a stranger, with one and three rows, decided and put back."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils.translation import override

from crm_core.people.contacts import services as contacts
from crm_core.sales.incoming import facts, making, queries, services
from crm_core.sales.incoming.models import IncomingLead
from crm_core.sales.incoming.services import take
from crm_platform.kernel import clock
from tests.conftest import Door
from tests.factories.cast import cast

from .kit import ROBOT, came, source


def page(door: Door, path: str = "/unsorted") -> str:
    answer = door.client().get(path)
    assert answer.status_code == 200, answer.content.decode()[:2000]
    return answer.content.decode()


def test_an_empty_inbox_says_how_to_make_the_first_source(doors: Door) -> None:
    assert "Make a source" in page(doors)
    with doors.unit():
        source()
    assert "Nothing waits" in page(doors)
    assert "/unsorted" in page(doors, "/board")


def test_a_lead_stands_there_with_all_it_says(doors: Door) -> None:
    with doors.unit():
        contacts.create_contact(ROBOT, first_name="Camille", last_name="D.", emails=[{"address": "camille@maison.example"}])
        lead = came({"name": "<script>alert(1)</script>", "email": "camille@maison.example", "phone": "+31655550142", "message": "<img src=x onerror=alert(1)>", "City": "Zwolle", "utm_campaign": "Spring"}, through=source(answer_minutes=5))
    text = page(doors, f"/unsorted/{lead.uid}")
    for shown in ("&lt;script&gt;", "&lt;img src=x", "Zwolle", "Spring", "Our site", "same e-mail", "Merged, the contact would gain: +31655550142", "Not counted until you accept it"):
        assert shown in text, shown
    assert "<script>alert" not in text
    assert "<img src=x" not in text


@pytest.mark.parametrize("path", ["/unsorted", "/unsorted?state=declined"])
def test_a_list_costs_the_same_with_one_and_three(doors: Door, count_statements, path: str) -> None:
    client = doors.client()

    def cost() -> int:
        client.get(path)
        with count_statements() as count:
            assert client.get(path).status_code == 200
        return count()

    with doors.unit():
        door = source()
        leads = [came({"name": "A", "phone": "+31655550142"}, through=door)]
        IncomingLead.objects.update(state="declined" if "declined" in path else "waiting", decided_at=leads[0].received_at)
    one = cost()
    with doors.unit():
        for number in ("+31655550142", "+31655550143"):
            came({"name": "B", "phone": number}, through=door)
        IncomingLead.objects.update(state="declined" if "declined" in path else "waiting", decided_at=leads[0].received_at)
    assert cost() == one


def test_accepting_declining_and_undo_by_the_page(doors: Door) -> None:
    with doors.unit():
        first, second = came(), came({"name": "Spammer"})
    client = doors.client()
    assert client.post(f"/unsorted/{first.uid}/accept").status_code == 303
    again = client.post(f"/unsorted/{first.uid}/accept")
    assert again.status_code == 409
    assert client.post(f"/unsorted/{second.uid}/decline", {"reason": "Spam"}).status_code == 303
    assert "Spammer" in page(doors, "/unsorted?state=declined")
    assert client.post(f"/unsorted/{second.uid}/back").status_code == 303
    with doors.unit():
        assert list(IncomingLead.objects.order_by("pk").values_list("state", flat=True)) == ["accepted", "waiting"]


def test_many_at_once(doors: Door) -> None:
    with doors.unit():
        leads = [came({"name": f"N{turn}"}) for turn in range(3)]
    client = doors.client()
    assert client.post("/unsorted/bulk", {"verb": "decline", "chosen": [lead.uid for lead in leads[:2]]}).status_code == 303
    assert client.post("/unsorted/bulk", {"verb": "accept", "chosen": [leads[2].uid, "nobody"]}).status_code == 303
    with doors.unit():
        assert sorted(IncomingLead.objects.values_list("state", flat=True)) == ["accepted", "declined", "declined"]


def test_the_limit_is_said_and_the_lead_waits_on(make_door) -> None:
    door = make_door(plan="free")
    with door.unit():
        from tenants.inside import services as inside
        from tenants.inside.models import WorkspaceState

        WorkspaceState.objects.update(limits={**inside.state().limits, "contacts": 0})
        lead = came()
    answer = door.client().post(f"/unsorted/{lead.uid}/accept")
    assert answer.status_code == 402
    assert "Nothing was lost" in answer.content.decode()
    with door.unit():
        assert IncomingLead.objects.get(pk=lead.pk).state == "waiting"


def test_linking_by_the_page(doors: Door) -> None:
    with doors.unit():
        lead, person = came(), contacts.create_contact(ROBOT, first_name="Camille", last_name="Elsewhere")
    client = doors.client()
    assert "Elsewhere" in client.get(f"/unsorted/{lead.uid}/link?q=Elsew").content.decode()
    assert client.post(f"/unsorted/{lead.uid}/link", {"entity": "contact", "pk": person.pk}).status_code == 303
    with doors.unit():
        assert IncomingLead.objects.get(pk=lead.pk).contact_id == person.pk


def test_a_stranger_and_the_cast(doors: Door) -> None:
    with doors.unit():
        everyone = cast()
        lead = take(None, {"name": "Ada"}, category="api")
    stranger = doors.client(email=None)
    for path in ("/unsorted", f"/unsorted/{lead.uid}", "/settings/lead-sources"):
        assert stranger.get(path).status_code == 302
    assert stranger.post(f"/unsorted/{lead.uid}/decline").status_code in (302, 403)
    for name, actor in everyone.items():
        client = doors.client(email=f"{actor.name.lower()}@veldhuis.example")
        assert client.get("/unsorted").status_code == 200
        assert client.get("/settings/lead-sources").status_code == (200 if name in ("owner", "administrator") else 403), name
    viewer = doors.client(email="vera@veldhuis.example")
    assert viewer.post(f"/unsorted/{lead.uid}/decline").status_code == 403
    assert viewer.post("/unsorted/bulk", {"verb": "decline", "chosen": lead.uid}).status_code == 403


def test_sources_and_rules_by_the_page(doors: Door) -> None:
    client = doors.client()
    assert client.post("/settings/lead-sources/add", {"name": "", "kind": "api"}).status_code == 422
    made = client.post("/settings/lead-sources/add", {"name": "Our site", "kind": "calls", "answer_minutes": "15"})
    text = client.get(made.headers["Location"]).content.decode()
    assert "/api/leads/in/" in text
    assert "X-Signature" in text
    assert client.post(made.headers["Location"], {"name": "Phones", "answer_minutes": "0"}).status_code == 422
    assert client.post(made.headers["Location"], {"name": "Phones"}).status_code == 303
    assert client.post(f"{made.headers['Location']}/verb", {"verb": "key"}).status_code == 303
    assert client.post(f"{made.headers['Location']}/verb", {"verb": "archive"}).status_code == 303
    assert client.post("/settings/lead-rules", {"kind": "turns", "reroute_minutes": "5"}).status_code == 303
    assert client.post("/settings/lead-rules", {"kind": "field", "field": "City", "values_text": "Zwolle = nobody@x.example"}).status_code == 422
    assert client.post("/settings/lead-rules", {"kind": "field", "field": "City", "values_text": "Zwolle = olga@veldhuis.example"}).status_code == 303
    assert "Zwolle" in client.get("/settings/lead-sources").content.decode()


def test_how_soon_leads_are_taken_by_person(doors: Door) -> None:
    with doors.unit():
        everyone = cast()
        way = source(answer_minutes=30)
        with clock.frozen(clock.now() - timedelta(hours=2)):
            slow, quick, old = (came({"name": name}, through=way) for name in ("Slow", "Quick", "Old"))
        services.decline(everyone["seller"], slow.uid)
        services.accept(everyone["owner"], quick.uid)
        services.decline(everyone["owner"], old.uid)
        IncomingLead.objects.filter(pk=quick.pk).update(decided_at=quick.received_at + timedelta(minutes=20))
        IncomingLead.objects.filter(pk=old.pk).update(decided_at=clock.now() - timedelta(days=60))
        seller, owner = everyone["seller"].user_id, everyone["owner"].user_id
        found = {row.person_id: (row.decided, int(row.waited.total_seconds()) // 60, row.late) for row in queries.reactions(everyone["owner"], days=30)}
        assert found == {seller: (1, 120, 1), owner: (1, 20, 0)}
        assert {row.person_id for row in queries.reactions(everyone["seller"], days=30)} <= {seller, owner}
    client = doors.client()
    page = client.get("/unsorted/reactions").content.decode()
    assert ("Sam" in page, "20 min" in page, f"/unsorted?by={seller}" in page) == (True, True, True)
    assert "Nobody has decided" not in client.get("/unsorted/reactions?days=90").content.decode()
    theirs = client.get(f"/unsorted?by={seller}").content.decode()
    assert ("Slow" in theirs, "Quick" in theirs, "data-bulk-bar" in theirs) == (True, False, False)


def by_api(category: str, **metadata: Any) -> IncomingLead:
    """A lead as the open API keeps it that says nothing but what is around it."""
    marks = {"source_uid": "u-1", "source_name": "Exchange", **metadata}
    return came({"_embedded": {}, "metadata": marks, "name": None}, category=category, metadata=marks)


CALL = {"from": "onlinePBX", "phone": 31655550142, "called_at": 1_790_000_000, "duration": 61, "link": "https://calls.example/a.mp3", "is_call_event_needed": True, "service_code": "CkAvbEwP", "uniq": "a1fe973c"}


def test_a_call_by_the_api_is_told_in_words(doors: Door) -> None:
    with doors.unit():
        lead = by_api("sip", **CALL, wood="Oak")
    text = page(doors, f"/unsorted/{lead.uid}")
    told = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", text))
    assert (told["Source"], told["Call from"], told["Phone"], told["Duration"], told["wood"]) == ("Exchange", "onlinePBX", "31655550142", "1 min 1 s", "Oak")
    assert "<time " in told["Time of the call"]
    assert told["Recording"] == '<a class="link" href="https://calls.example/a.mp3" target="_blank" rel="noopener noreferrer">https://calls.example/a.mp3</a>'
    assert lead.keys
    with doors.unit():
        note = making.words_of(lead)
    assert "Recording: https://calls.example/a.mp3" in note
    assert not re.search(r"metadata|uniq|1790000000", note)
    for hidden in ("metadata.", "is_call_event_needed", "service_code", "CkAvbEwP", "a1fe973c", "1790000000", "Rang", "u-1<"):
        assert hidden not in text, hidden


@pytest.mark.parametrize("link", ["javascript:alert(1)", "https://", "data:text/html,x", "//evil.example", "http://[x"])
def test_only_an_address_of_the_web_opens(doors: Door, link: str) -> None:
    with doors.unit():
        lead = by_api("sip", **{**CALL, "link": link, "called_at": 10**11, "duration": "long"})
    text = page(doors, f"/unsorted/{lead.uid}")
    assert f"<dt>Recording</dt><dd>{link}</dd>" in text
    assert "<dt>Time of the call</dt><dd>100000000000</dd>" in text
    assert "<dt>Duration</dt><dd>long</dd>" in text


def test_a_call_of_the_exchange_tells_how_long_it_rang_or_was(doors: Door) -> None:
    with doors.unit():
        through = source("calls")
        answered = came({"from": "+31655550142", "to": "+31205550100", "duration": "30", "recording": "https://calls.example/b.mp3", "status": "answered"}, through=through, category="sip", form="call")
        missed = came({"from": "+31655550143", "to": "+31205550100", "duration": "12", "status": "missed"}, through=through, category="sip", form="call")
    text = page(doors, f"/unsorted/{answered.uid}")
    assert "<dt>Duration</dt><dd>30 s</dd>" in text
    assert text.count("<dt>Recording</dt>") == text.count('href="https://calls.example/b.mp3"') == 1
    assert "<dt>Rang for</dt><dd>12 s</dd>" in page(doors, f"/unsorted/{missed.uid}")


def test_a_form_by_the_api_is_told_in_words(doors: Door) -> None:
    with doors.unit():
        lead = by_api("forms", form_id="f-77", form_name="Order a table", form_page="https://shop.example/order", form_sent_at=1_790_000_000, referer="https://search.example/", ip="192.0.2.7")
    text = page(doors, f"/unsorted/{lead.uid}")
    told = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", text))
    assert (told["Form"], told["Page"], told["Referrer"]) == ("Order a table", "https://shop.example/order", "https://search.example/")
    for hidden in ("metadata.", "form_id", "f-77", "form_sent_at", "1790000000", "192.0.2.7"):
        assert hidden not in text, hidden
    with doors.unit(), override("ru"):
        assert {fact.label for fact in facts.told(lead)} == {"Источник", "Форма", "Страница", "Откуда перешли"}
