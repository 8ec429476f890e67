"""What no person types and every scanner does: signs that are digits and no numbers, numbers no column holds, NUL bytes."""

from __future__ import annotations

import pytest
from django.test import Client

from crm_core.groundwork.custom_fields import services as custom
from crm_core.people.contacts import services as contacts
from crm_core.sales.deals import services as deals
from crm_core.sales.pipelines import queries as pipelines
from crm_platform.events.models import Event
from crm_platform.kernel.permissions import robot
from tests.conftest import Door

ROBOT = robot("test")
NO_NUMBERS = ("²", "٣", "1²", "-1", "9" * 18, "9" * 20, "1,²", "1e9", " ", "")
NUMBERED = (
    "/contacts?tag={}", "/contacts?responsible={}", "/contacts?page={}&rows={}", "/contacts?view={}", "/deals?stage={}", "/deals?company={}", "/deals?pipeline={}", "/deals?reason={}", "/deals?tag={}",
    "/board?responsible={}", "/board?company={}", "/funnel?pipeline={}", "/funnel?responsible={}", "/timeline/contact/1?before={}", "/settings/journal?who={}&before={}", "/export/contact?format=csv&tag={}",
    "/deals/new?company={}&stage={}&contact={}", "/bin?page={}", "/contacts/{}", "/deals/{}",
)  # fmt: skip


@pytest.fixture
def client(doors: Door) -> Client:
    with doors.unit():
        contacts.create_contact(ROBOT, first_name="Anna")
    return doors.client()


def test_what_is_no_number_is_nobodys_error(client: Client) -> None:
    wrong = []
    for address in NUMBERED:
        for text in NO_NUMBERS:
            status = client.get(address.replace("{}", text)).status_code
            if status not in (200, 404):
                wrong.append((address, text, status))
    assert not wrong


def test_what_is_no_number_is_refused_by_forms_too(doors: Door, client: Client) -> None:
    with doors.unit():
        stage = pipelines.everything().open_of(pipelines.first().pk)[0].pk
        deal = deals.create_deal(ROBOT, name="Oven").pk
    wrong = []
    for text in NO_NUMBERS:
        for address, form in (
            ("/bin/restore", {"entity": "contact", "pk": text}), ("/contacts/bulk", {"verb": "bin", "chosen": text}), ("/contacts/bulk", {"verb": "responsible", "chosen": "1", "responsible": text}),
            (f"/settings/stages/{stage}", {"name": "New", "hue": text}), (f"/settings/stages/{stage}", {"name": "New", "idle_days": text}), (f"/settings/stages/{stage}", {"name": "New", "probability": text}),
            (f"/deals/{deal}/move", {"stage": text, "before": text, "after": text, "version": text}),
        ):  # fmt: skip
            status = client.post(address, form).status_code
            if status >= 500:
                wrong.append((address, form, status))
    assert not wrong


def test_a_filter_of_a_custom_list_takes_only_numbers(doors: Door, client: Client) -> None:
    with doors.unit():
        field = custom.add_field(ROBOT, entity="contact", name="Size", kind="list", options=["S", "M"])
    for text in NO_NUMBERS:
        page = client.get(f"/contacts?f{field.pk}={text}")
        assert page.status_code == 200, text


WRITING = (
    ("/notes/contact/1", {"text": "a\0b"}), ("/settings/people/groups", {"name": "\0"}), ("/views/contact", {"name": "a\0", "query": "q=a"}), ("/settings/pipelines/add", {"name": "a\0"}),
    ("/settings/reasons", {"name": "a\0"}), ("/settings/pipelines/1/stages", {"name": "a\0"}), ("/contacts/new", {"first_name": "Bo", "phones-number": "\0", "phones-kind": "work"}),
    ("/contacts/new", {"first_name": "Bo", "addresses-city": "\0"}), ("/contacts/bulk", {"verb": "tag", "chosen": "1", "tags": "a\0"}), ("/contacts/bulk?position=%00", {"verb": "bin", "chosen": "1"}),
    ("/contacts/new", {"first_name": "Bo", "a\0b": "1"}), ("/deals/1/move", {"stage": "1", "next": "/\0"}),
)  # fmt: skip


def test_a_zero_byte_is_refused_in_one_sentence_and_nothing_is_saved(doors: Door, client: Client) -> None:
    with doors.unit():
        before = Event.objects.count()
        field = custom.add_field(ROBOT, entity="contact", name="Nickname", kind="text")
    for address, form in WRITING:
        answer = client.post(address, form)
        assert (answer.status_code, "zero byte" in answer.content.decode()) == (400, True), (address, form)
    for address in ("/contacts?position=%00", "/board/stages/1?after=%00", f"/contacts?f{field.pk}=%00", "/contacts?%00=1"):
        assert client.get(address).status_code == 400, address
    with doors.unit():
        assert Event.objects.count() == before + 1


def test_a_zero_byte_in_a_search_only_finds_nothing(doors: Door, client: Client) -> None:
    for address in ("/board?lists=1", "/search?q=%00", "/search/as-one-types?q=%00%00", "/contacts?q=%00", "/board?q=%00", "/funnel?q=%00"):
        assert client.get(address).status_code == 200, address
    assert client.post("/views/contact", {"name": "Mine", "query": "q=%00a&sort=%00"}).status_code == 303
    assert client.get("/contacts").status_code == 200


def test_a_zero_byte_at_the_public_door_is_refused_too(public: Client) -> None:
    assert public.get("/prices?currency=%00").status_code == 400


def test_a_file_may_hold_what_it_likes(client: Client) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    assert client.post("/files/contact/1", {"file": SimpleUploadedFile("a.bin", b"\0\0")}).status_code == 303
