"""Every page of a workspace answers, for its owner; and none for a stranger."""

from __future__ import annotations

from datetime import timedelta

import pytest

from crm_core.engagement.notes import services as notes
from crm_core.engagement.tasks import services as tasks
from crm_core.groundwork.tags import services as tag_services
from crm_core.people.companies import services as companies
from crm_core.people.contacts import services as contacts
from crm_core.sales.deals import services as deals
from crm_core.sales.products import services as products
from crm_platform.kernel import clock
from crm_platform.kernel.permissions import robot
from tests.conftest import Door
from tests.factories.cast import cast

ROBOT = robot("test")

PAGES = [
    "/board", "/deals", "/deals/new", "/contacts", "/contacts/new", "/companies", "/companies/new", "/products", "/products/new", "/day", "/funnel", "/search?q=an",
    "/search/as-one-types?q=an", "/bin", "/settings/profile", "/settings/people", "/settings/people/invite", "/settings/roles", "/settings/tokens", "/settings/plan",
    "/settings/plan/choose", "/settings/plan/compare", "/settings/plan/seats", "/settings/plan/invoices", "/settings/plan/payers", "/settings/plan/rules",
    "/settings/firm", "/settings/first-hour", "/settings/address", "/settings/leaving", "/settings/pipelines", "/settings/fields", "/settings/journal", "/account/2fa/", "/account/sessions/", "/account/password/change/",
]  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
def test_a_page_answers_its_owner_and_refuses_a_stranger(doors: Door, path: str) -> None:
    answer = doors.client().get(path)
    assert answer.status_code == 200, answer.content.decode()[:3000]
    stranger = doors.client(email=None).get(path)
    assert stranger.status_code == 302
    assert stranger.headers["Location"].startswith("/account/login/")


def test_a_full_card_shows_all_that_stands_on_it(doors: Door) -> None:
    with doors.unit():
        company = companies.create_company(ROBOT, name="Bakker & <Zoon>", phones=[{"number": "+31205550100"}])
        contact = contacts.create_contact(ROBOT, first_name="Anna", last_name="Visser", companies=[{"company_id": company.pk, "position": "Buyer"}])
        product = products.create_product(ROBOT, name="Oak shelf", price_minor=12_500)
        other = deals.create_deal(ROBOT, name="An older deal", company_id=company.pk)
        deal = deals.create_deal(
            ROBOT, name="Shelves <b>", company_id=company.pk, contacts=[{"contact_id": contact.pk}], tag_ids=tag_services.ids_of("deal", ["VIP"]),
            lines=[{"product": "Oak shelf", "quantity_milli": 2000, "price_minor": 12_500}],
        )  # fmt: skip
        deals.change_deal(ROBOT, deal.pk, name="Shelves <i>")
        tasks.add(ROBOT, text="Call <her>", due_at=clock.now() - timedelta(days=2), entity="deal", record_id=deal.pk)
        notes.add(cast()["owner"], entity="deal", pk=deal.pk, text="Likes oak", pinned=True)
    browser = doors.client()
    card = browser.get(f"/deals/{deal.pk}").content.decode()
    for shown in ("Shelves &lt;i&gt;", "Oak shelf", "250", "Anna Visser", "Bakker &amp; &lt;Zoon&gt;", "VIP", "Call &lt;her&gt;", "Likes oak", "An older deal", "Put back"):
        assert shown in card, shown
    assert "<Zoon>" not in card
    assert f"/deals/{other.pk}" in card
    for path in (f"/contacts/{contact.pk}", f"/companies/{company.pk}"):
        text = browser.get(path).content.decode()
        assert "Shelves &lt;i&gt;" in text
    assert browser.get(f"/products/{product.pk}").status_code == 200
    journal = browser.get("/settings/journal").content.decode()
    assert "Shelves &lt;b&gt;" in journal


@pytest.mark.parametrize("path", ["/account/login/", "/account/password/reset/"])
def test_the_doors_show_no_markup_as_text(doors: Door, path: str) -> None:
    page = doors.client(email=None).get(path)
    assert page.status_code == 200
    assert "&lt;" not in page.content.decode()
