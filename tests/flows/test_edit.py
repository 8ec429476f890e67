"""A card's form sent back as it was shown changes nothing but what the person changed."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from crm_core.people.companies import services as companies
from crm_core.people.contacts import services as contacts
from crm_core.people.contacts.models import Contact
from crm_core.sales.deals import services as deals
from crm_core.sales.deals.models import Deal
from crm_core.sales.pipelines import queries as pipelines
from crm_core.sales.pipelines.models import Stage
from crm_platform.accounts.models import User
from crm_platform.events.models import Event
from crm_platform.kernel.permissions import robot

ROBOT = robot("test")
ADDRESSES = [{"kind": "home", "street": "1 Elm", "zip": "70116"}, {"city": "Harlem"}]


class _Fields(HTMLParser):
    """What a browser would send of the form whose action is `action` (or that has none)."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: dict[str, list[str]] = {}
        self._select: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name = given.get("name")
        if tag == "input" and name and given.get("type") not in ("checkbox", "radio", "file", "submit"):
            self.sent.setdefault(name, []).append(given.get("value") or "")
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and "selected" in given:
            self.sent.setdefault(self._select, []).append(given.get("value") or "")


@pytest.mark.parametrize("kind", ["contact", "company"])
def test_a_form_sent_back_changes_only_what_was_changed(doors, kind: str) -> None:
    with doors.unit():
        if kind == "contact":
            pk = contacts.create_contacts(ROBOT, [{"first_name": "Bo", "addresses": ADDRESSES, "phones": [{"number": "+31 20 555 0188"}]}])[0].pk
        else:
            pk = companies.create_company(ROBOT, name="Oak", addresses=ADDRESSES).pk
    client = doors.client()
    path = {"contact": "contacts", "company": "companies"}[kind]
    fields = _Fields()
    fields.feed(client.get(f"/{path}/{pk}/edit").content.decode())
    fields.sent["site"] = ["https://oak.example"]
    assert client.post(f"/{path}/{pk}/edit", fields.sent).status_code == 303
    with doors.unit():
        event = Event.objects.filter(name=f"{kind}.changed", record_id=pk).latest("id")
        assert event.after == {"site": "https://oak.example"}
        model = contacts.Contact if kind == "contact" else companies.Company
        assert model.objects.get(pk=pk).addresses == [{"kind": "home", "street": "1 Elm", "zip": "70116"}, {"kind": "work", "city": "Harlem"}]


@pytest.mark.parametrize("language", ["en", "ru", "fr", "nl", "uz"])
def test_the_addresses_of_a_card_hold_keys_not_figures(doors, language: str) -> None:
    """The thousandth record is no other: a key grouped like a count ("12,345") leads nowhere."""
    with doors.unit():
        User.objects.update(language=language)
        pipeline = pipelines.first()
        stage = Stage.objects.filter(pipeline=pipeline, kind="open").order_by("order")[0]
        Stage.objects.create(pk=23456, pipeline=pipeline, name="Far", order=90)
        contact = contacts.create_contacts(ROBOT, [{"first_name": "Bo"}])[0]
        Contact.objects.filter(pk=contact.pk).update(id=12345)
        deal = deals.create_deal(ROBOT, name="Oak", stage_id=stage.pk)
        Deal.objects.filter(pk=deal.pk).update(id=34567)
    client = doors.client()
    for path, holds in (("/contacts/12345", "/contacts/12345/bin"), ("/deals/34567", "/deals/34567/bin"), ("/board", "stage-23456"), ("/settings/pipelines", "/settings/stages/23456")):
        page = client.get(path).content.decode()
        assert holds in page, (path, holds)
        assert not re.findall(r'="[^"]*(?:12|23|34)[^0-9"](?:345|456|567)[^"]*"', page), path
