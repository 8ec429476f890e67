"""Saving a form that was not changed changes nothing: namesakes, and neighbours that lie in the bin."""

from __future__ import annotations

import pytest
from django.http import QueryDict

from crm_core.groundwork.records import writing
from crm_core.people.companies import services as companies
from crm_core.people.companies.kind import COMPANY
from crm_core.people.companies.models import Company
from crm_core.people.contacts import services as contacts
from crm_core.people.contacts.forms import ContactForm
from crm_core.people.contacts.kind import CONTACT
from crm_core.people.contacts.models import Contact, Employment
from crm_core.sales.deals import services as deals
from crm_core.sales.deals.forms import DealForm
from crm_core.sales.deals.models import Deal, DealContact, DealLine
from crm_core.sales.products import services as products
from crm_core.sales.products.models import Product
from crm_platform.events.models import Event
from crm_platform.kernel.permissions import robot

ROBOT = robot("test")


def _sent(form, record, **changed) -> dict:
    """What the browser sends of a form as it was drawn, with some fields changed."""
    data = QueryDict(mutable=True)
    drawn = form(record=record)
    drawn.actor = ROBOT
    for bound in drawn:
        value = bound.value()
        if isinstance(value, list) and value and isinstance(value[0], dict):
            for row in value:
                for name, text in row.items():
                    data.appendlist(f"{bound.html_name}-{name}", text or "")
        elif value not in (None, "", []):
            data[bound.html_name] = str(value)
    for name, value in changed.items():
        data[name] = value
    again = form(data, record=record)
    again.actor = ROBOT
    assert again.is_valid(), again.errors
    return again.values()


@pytest.fixture
def deal(inside) -> Deal:
    contacts.create_contact(ROBOT, first_name="John", last_name="Smith")
    second = contacts.create_contact(ROBOT, first_name="John", last_name="Smith")
    company = companies.create_company(ROBOT, name="Binnable")
    products.create_product(ROBOT, name="Oak shelf", price_minor=100)
    return deals.create_deal(ROBOT, name="Deal", company_id=company.pk, contacts=[{"contact_id": second.pk, "role": "Buyer"}], lines=[{"product": "Oak shelf"}])


def _links(deal: Deal) -> tuple:
    return Deal.objects.get(pk=deal.pk).company_id, list(DealContact.objects.filter(deal=deal).values_list("contact_id", "role")), list(DealLine.objects.filter(deal=deal).values_list("product_id", "name"))


@pytest.mark.parametrize("binned", [False, True])
def test_a_deal_keeps_whom_it_means(deal, binned) -> None:
    before = _links(deal)
    if binned:
        writing.put_in_bin(ROBOT, COMPANY, [deal.company_id])
        writing.put_in_bin(ROBOT, CONTACT, [before[1][0][0]])
    counts = Company.objects.count(), Contact.objects.count(), Product.objects.count(), Event.objects.count()
    deals.change_deal(ROBOT, deal.pk, **_sent(DealForm, Deal.objects.get(pk=deal.pk)))
    assert _links(deal) == before
    assert (Company.objects.count(), Contact.objects.count(), Product.objects.count(), Event.objects.count()) == counts
    deals.change_deal(ROBOT, deal.pk, **_sent(DealForm, Deal.objects.get(pk=deal.pk), name="Renamed"))
    assert _links(deal) == before
    assert Company.objects.count() == counts[0]
    deals.change_deal(ROBOT, deal.pk, **_sent(DealForm, Deal.objects.get(pk=deal.pk), company="Another"))
    assert Deal.objects.get(pk=deal.pk).company.name == "Another"


def test_a_contact_keeps_where_it_works(inside) -> None:
    companies.create_company(ROBOT, name="Twin Ltd")
    second = companies.create_company(ROBOT, name="Twin Ltd")
    contact = contacts.create_contact(ROBOT, first_name="Ann", companies=[{"company_id": second.pk, "company": "Twin Ltd", "role": "Cook"}])
    contacts.change_contact(ROBOT, contact.pk, **_sent(ContactForm, Contact.objects.get(pk=contact.pk), position="Chef"))
    assert list(Employment.objects.filter(contact=contact).values_list("company_id", "role")) == [(second.pk, "Cook")]
    assert Contact.objects.get(pk=contact.pk).position == "Chef"
