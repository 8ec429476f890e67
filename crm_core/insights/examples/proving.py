"""What a house of the proof of isolation holds of the product: one or two of everything, with its word in every text."""

from __future__ import annotations

from django.core.files.base import ContentFile

from crm_core.engagement.notes import services as notes
from crm_core.engagement.tasks import services as tasks
from crm_core.groundwork.attachments import services as attachments
from crm_core.groundwork.custom_fields import services as custom
from crm_core.groundwork.imports import services as imports
from crm_core.groundwork.saved_views import services as views
from crm_core.groundwork.tags import services as tags
from crm_core.people.companies import services as companies
from crm_core.people.contacts import services as contacts
from crm_core.sales.deals import services as deals
from crm_core.sales.products import services as products
from crm_platform.accounts import services as accounts
from crm_platform.accounts.actors import actor_of
from crm_platform.accounts.models import Role, User
from crm_platform.kernel import clock
from tenants.isolation.filling import fills


@fills
def fill(mark: str) -> None:
    """Two of each record, linked to each other, with a field of one's own, a tag, a note, a task, a file and an import."""
    owner = actor_of(User.objects.select_related("role", "group").order_by("pk")[0])
    accounts.add_group(owner, name=f"{mark} group")
    accounts.invite(owner, emails=[f"{mark}@isolation.example"], role_id=Role.objects.get(code="seller").pk, group_id=None, language="en")
    for entity in ("contact", "company", "deal"):
        custom.add_field(owner, entity=entity, name=f"{mark} field", kind="list", options=[f"{mark} S", f"{mark} M"])
    for number in (1, 2):
        firm = companies.create_company(owner, name=f"{mark} firm {number}", tag_ids=tags.ids_of("company", [f"{mark} tag"]))
        person = contacts.create_contact(
            owner, first_name=f"{mark} {number}", phones=[{"number": f"+3161234567{number}", "kind": "work"}], emails=[{"address": f"{mark}{number}@isolation.example", "kind": "work"}],
            companies=[{"company_id": firm.pk}], tag_ids=tags.ids_of("contact", [f"{mark} tag"]),
        )  # fmt: skip
        product = products.create_product(owner, name=f"{mark} product {number}", price_minor=100)
        deal = deals.create_deal(
            owner, name=f"{mark} deal {number}", company_id=firm.pk, contacts=[{"contact_id": person.pk}], lines=[{"product": product.pk, "quantity_milli": 1000, "price_minor": 100, "discount": 0}], sum_minor=100, tag_ids=tags.ids_of("deal", [f"{mark} tag"])
        )
        notes.add(owner, entity="deal", pk=deal.pk, text=f"{mark} note {number}")
        tasks.add(owner, text=f"{mark} task {number}", due_at=clock.now(), entity="deal", record_id=deal.pk)
        attachments.add(owner, entity="deal", pk=deal.pk, file=ContentFile(f"{mark} bytes {number}".encode(), name=f"{mark}-{number}.txt"))
        imports.upload(owner, name=f"{mark}.csv", chunks=[f"First name,E-mail\n{mark} row,{mark}-row{number}@isolation.example\n".encode()], kind="contacts")
    views.save(owner, entity="contact", name=f"{mark} view", query="q=x", shared=False)
