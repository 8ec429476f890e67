"""The form builder and the public form: conditions, consent, files, robots, twice, scripts; and who may hold it in a frame."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from crm_core.groundwork.attachments.models import Attachment
from crm_core.groundwork.custom_fields import services as custom
from crm_core.sales.deals.models import Deal
from crm_core.sales.incoming import asking, building, reading_job, services
from crm_core.sales.incoming.models import IncomingLead, LeadForm
from crm_platform.events.models import Event
from crm_platform.kernel.errors import Forbidden, Invalid, NotFound
from tenants.inside.models import WorkspaceState
from tests.conftest import Door
from tests.factories.cast import cast

from .kit import ROBOT, source


def made(**words: Any) -> LeadForm:
    """A published form with a list, a field that hangs on it, a file and a consent."""
    pk = source("form").pk
    building.put_field(ROBOT, pk, label="What", type="list", options=["Table", "Shelf"], required=True)
    building.put_field(ROBOT, pk, label="How long", type="text", required=True, when_field="f5", when_values=["Shelf"])
    building.put_field(ROBOT, pk, label="Drawing", type="file")
    building.change_settings(ROBOT, pk, sites=["https://shop.example"], consent="You may write to me.", **words)
    return building.publish(ROBOT, pk)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(asking, "FASTEST", 0.0)


def drawn(client: Client, form: LeadForm, **query: str) -> dict[str, str]:
    """What stands in the form's hidden fields."""
    text = client.get(f"/f/{form.uid}", query).content.decode()
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', text))


def leads(door: Door) -> list[IncomingLead]:
    with door.unit():
        reading_job.read_some()
        return list(IncomingLead.objects.order_by("pk"))


FILLED = {"f1": "Ada", "f2": "+31 6 5555 0142", "f3": "ada@example.com", "f4": "Hello", "f5": "o0", "consent": "on"}


def test_fields_are_put_moved_and_taken_off(inside) -> None:
    pk = made().source_id
    assert [row["key"] for row in building.of_source(pk).draft["fields"]] == ["f1", "f2", "f3", "f4", "f5", "f6", "f7"]
    building.move_field(ROBOT, pk, key="f7", by=-1)
    building.remove_field(ROBOT, pk, key="f1")
    form = building.put_field(ROBOT, pk, key="f2", label="Mobile", type="phone", role="phone")
    assert [row["label"] for row in form.draft["fields"]] == ["Mobile", "E-mail", "Your question", "What", "Drawing", "How long"]
    assert Event.objects.order_by("-id")[0].name == "lead_form.changed"
    assert building.move_field(ROBOT, pk, key="f6", by=-5).draft["fields"][0]["when"] == {}
    for wrong in ({"label": "", "type": "text"}, {"label": "x", "type": "pigeon"}, {"label": "x", "type": "list"}, {"label": "x", "type": "text", "role": "deal.9"}):
        with pytest.raises(Invalid):
            building.put_field(ROBOT, pk, **wrong)
    with pytest.raises(NotFound):
        building.remove_field(ROBOT, pk, key="f99")
    with pytest.raises(Invalid):
        building.change_settings(ROBOT, pk, sites=["javascript:alert(1)"])
    everyone = cast()
    for name in ("manager", "seller", "viewer"):
        with pytest.raises(Forbidden):
            building.publish(everyone[name], pk)


def test_another_wording_of_the_consent_is_its_next_version(inside) -> None:
    form = made()
    assert form.consent_version == 1
    assert building.publish(ROBOT, form.source_id).consent_version == 1
    building.change_settings(ROBOT, form.source_id, consent="You may call me.")
    assert building.publish(ROBOT, form.source_id).consent_version == 2
    assert Event.objects.order_by("-id")[0].name == "lead_form.published"


def test_a_filled_form_is_a_lead_with_marks_consent_and_file(doors: Door, quick) -> None:
    with doors.unit():
        form = made()
    stranger = doors.client(email=None)
    hidden = drawn(stranger, form, utm_source="ads", utm_campaign="Spring", page="https://shop.example/oak", referrer="https://search.example/")
    answer = stranger.post(f"/f/{form.uid}", FILLED | hidden | {"f7": SimpleUploadedFile("plan.pdf", b"%PDF")})
    assert (answer.status_code, "We have it" in answer.content.decode()) == (200, True)
    again = stranger.post(f"/f/{form.uid}", FILLED | hidden | {"f7": SimpleUploadedFile("plan.pdf", b"%PDF")})
    assert again.status_code == 200
    [lead] = leads(doors)
    assert (lead.name, lead.message, lead.category, lead.contents["fields"]) == ("Ada", "Hello", "forms", [["What", "Table"]])
    assert (lead.metadata["utm_source"], lead.metadata["utm_campaign"], lead.metadata["page"], lead.metadata["referrer"]) == ("ads", "Spring", "https://shop.example/oak", "https://search.example/")
    assert (lead.contents["consent"]["text"], lead.contents["consent"]["version"]) == ("You may write to me.", 1)
    with doors.unit():
        assert Attachment.objects.get(entity="incoming", record_id=lead.pk).name == "plan.pdf"


def test_who_goes_back_and_says_something_else_has_sent_another(doors: Door, quick) -> None:
    with doors.unit():
        form = made()
    stranger = doors.client(email=None)
    hidden = drawn(stranger, form)
    for words in ("Hello", "Hello, and call me tomorrow", "Hello"):
        assert stranger.post(f"/f/{form.uid}", FILLED | hidden | {"f4": words}).status_code == 200
    assert [lead.message for lead in leads(doors)] == ["Hello", "Hello, and call me tomorrow"]


def test_conditions_hold_on_the_server_too(doors: Door, quick) -> None:
    with doors.unit():
        form = made()
    stranger = doors.client(email=None)
    missing = stranger.post(f"/f/{form.uid}", FILLED | drawn(stranger, form) | {"f5": "o1"})
    assert missing.status_code == 422
    assert "This has to be filled in." in missing.content.decode()
    assert stranger.post(f"/f/{form.uid}", FILLED | drawn(stranger, form) | {"f6": "hidden words"}).status_code == 200
    assert stranger.post(f"/f/{form.uid}", FILLED | drawn(stranger, form) | {"f5": "o1", "f6": "2 m"}).status_code == 200
    first, second = leads(doors)
    assert (first.contents["fields"], second.contents["fields"]) == ([["What", "Table"]], [["What", "Shelf"], ["How long", "2 m"]])


@pytest.mark.parametrize(
    "wrong",
    [
        {"f3": "no address"}, {"f2": "call me"}, {"f5": "o9"}, {"f5": ""}, {"f1": ""}, {"consent": ""}, {"token": ""}, {"token": "rubbish"}, {"f1": "x" * 501},
        {"f7": SimpleUploadedFile("big.bin", b"x" * (10 * 1024 * 1024 + 1))},
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_and_what_was_typed_stays(doors: Door, quick, wrong: dict[str, Any]) -> None:
    with doors.unit():
        form = made()
    stranger = doors.client(email=None)
    answer = stranger.post(f"/f/{form.uid}", FILLED | drawn(stranger, form, utm_source="ads") | wrong)
    text = answer.content.decode()
    assert (answer.status_code, "Hello" in text, 'value="ads"' in text) == (422, True, True)
    assert leads(doors) == []


def test_robots(doors: Door, monkeypatch) -> None:
    with doors.unit():
        form = made()
    stranger = doors.client(email=None)
    hidden = drawn(stranger, form)
    assert "very quick" in stranger.post(f"/f/{form.uid}", FILLED | hidden).content.decode()
    monkeypatch.setattr(asking, "FASTEST", 0.0)
    assert stranger.post(f"/f/{form.uid}", FILLED | hidden | {"website": "https://spam.example"}).status_code == 200
    with doors.unit():
        other = made()
    assert stranger.post(f"/f/{form.uid}", FILLED | drawn(stranger, other)).status_code == 422
    assert leads(doors) == []
    monkeypatch.setattr(asking, "FROM_ONE_ADDRESS", 2)
    answers = [stranger.post(f"/f/{form.uid}", FILLED | drawn(stranger, form), REMOTE_ADDR="203.0.113.7") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    # It is said in the form, which still holds what was typed and may stand in its frame.
    assert all(words in answers[2].content.decode() for words in ("Too many tries", FILLED["f1"]))
    assert "frame-ancestors 'self'" in answers[2].headers["Content-Security-Policy"]


def test_scripts_and_many_fields_are_words(doors: Door, quick) -> None:
    with doors.unit():
        form = made()
    stranger = doors.client(email=None)
    many = {f"x{turn}": "y" for turn in range(200)}
    assert stranger.post(f"/f/{form.uid}", FILLED | drawn(stranger, form) | many | {"f1": "<script>alert(1)</script>", "utm_source": "\"><img src=x>"}).status_code == 200
    [lead] = leads(doors)
    text = doors.client().get(f"/unsorted/{lead.uid}").content.decode()
    assert "<script>alert" not in text
    assert "<img src=x" not in text
    assert stranger.post(f"/f/{form.uid}", FILLED | drawn(stranger, form) | {f"x{turn}": "y" for turn in range(6000)}).status_code == 400


def test_the_address_is_open_to_strangers_and_framed_by_named_sites(doors: Door) -> None:
    with doors.unit():
        form, draft = made(), source("form", name="Not yet")
        unpublished = LeadForm.objects.get(source=draft).uid
        WorkspaceState.objects.update(suspended=True, suspended_level="owner")
    stranger = doors.client(email=None)
    page = stranger.get(f"/f/{form.uid}")
    assert (page.status_code, "frame-ancestors 'self' https://shop.example" in page.headers["Content-Security-Policy"]) == (200, True)
    assert "X-Frame-Options" not in page.headers
    assert "sessionid" not in page.cookies
    script = stranger.get(f"/f/{form.uid}/embed.js")
    assert (script.status_code, script.headers["Content-Type"].startswith("text/javascript"), len(script.content) < 2000) == (200, True, True)
    assert stranger.get(f"/f/{form.uid}/qr.svg").content.startswith(b"<?xml")
    assert stranger.get(f"/f/{unpublished}").status_code == 404
    assert stranger.get("/f/nothing").status_code == 404


def test_an_unpaid_workspace_holds_what_is_sent(doors: Door, quick) -> None:
    with doors.unit():
        form = made()
        WorkspaceState.objects.update(suspended=True, suspended_level="read")
    stranger = doors.client(email=None)
    assert "We have it" in stranger.post(f"/f/{form.uid}", FILLED | drawn(stranger, form)).content.decode()
    assert leads(doors) == []


def test_answers_become_fields_of_the_deal(inside) -> None:
    field = custom.add_field(ROBOT, entity="deal", name="Wood", kind="text")
    pk = source("form").pk
    building.put_field(ROBOT, pk, label="Which wood", type="text", role=f"deal.{field.pk}")
    form = building.publish(ROBOT, pk)
    filled = asking.PublicForm(form.published, {"f1": "Ada", "f3": "ada@example.com", "f5": "Oak"})
    assert filled.is_valid(), filled.errors
    lead = services.take(form.source, {"answers": filled.answers()}, category="forms", form="answers")
    reading_job.read_some()
    assert Deal.objects.get(pk=services.accept(ROBOT, lead.uid).deal_id).custom == {str(field.pk): "Oak"}


def test_the_builder_by_its_pages(doors: Door) -> None:
    client = doors.client()
    at = client.post("/settings/lead-sources/add", {"name": "Site", "kind": "form"}).headers["Location"] + "/form"
    assert "not published yet" in client.get(at).content.decode()
    assert client.post(f"{at}/field", {"label": "Size", "type": "list", "role": "other", "options": "S\nM"}).status_code == 303
    assert client.post(f"{at}/field", {"label": "Size", "type": "list", "role": "other", "options": ""}).status_code == 422
    assert client.post(f"{at}/field", {"verb": "up", "key": "f5"}).status_code == 303
    assert client.post(f"{at}/words", {"title": "Ask us", "button": "Send", "thanks": "Thanks", "sites": "ftp://x"}).status_code == 422
    assert client.post(f"{at}/words", {"title": "Ask us", "button": "Send", "thanks": "Thanks", "sites": "https://x.example"}).status_code == 303
    assert "Ask us" in client.get(f"{at}/preview").content.decode()
    assert client.post(f"{at}/publish").status_code == 303
    assert "embed.js" in client.get(at).content.decode()
    assert doors.client(email=None).get(at).status_code == 302


def test_the_frame_for_a_site_holds_whatever_the_source_is_called(doors: Door) -> None:
    client, name = doors.client(), '"quoted" %d"><script>alert(1)</script>'
    at = client.post("/settings/lead-sources/add", {"name": name, "kind": "form"}).headers["Location"] + "/form"
    assert client.post(f"{at}/publish").status_code == 303
    text = client.get(at).content.decode()
    assert "<script>alert" not in text
    shown = [html.unescape(one) for one in re.findall(r"<code[^>]*>(.*?)</code>", text, re.DOTALL)]
    (frame,) = [one for one in shown if one.startswith("<iframe")]
    assert frame.endswith(f'title="{html.escape(name)}" width="100%" height="640"></iframe>'), frame
