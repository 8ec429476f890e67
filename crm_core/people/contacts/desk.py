"""The desk of contacts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from crm_core.engagement import card
from crm_core.groundwork.records import desk
from crm_core.groundwork.records.cells import RESPONSIBLE, name_cell, tags_cell, tags_text
from crm_core.groundwork.records.desk import Column, Desk
from crm_core.groundwork.records.filters import Filter
from crm_core.people import reaching
from crm_core.people.companies.desk import more, shown_addresses, shown_phones
from crm_platform.db.prepared import Prepared
from crm_platform.ui.markup import fill

from .forms import ContactForm
from .kind import CONTACT
from .models import Contact, Employment


def _phone(contact: Any, given: dict[str, Any]) -> Any:
    number = contact.phones[0]["number"] if contact.phones else ""
    return fill('<a class="nowrap" href="tel:{}">{}</a>', number, reaching.show_phone(number)) if number else "–"


_MAIN_COMPANIES: Prepared[tuple[int, int, str]] = Prepared(
    Employment, lambda contacts: Employment.objects.filter(contact__id__among=contacts, main=True).values_list("contact_id", "company_id", "company__name")
)


def gather(records: Sequence[Any]) -> dict[str, Any]:
    """The main company of each contact, in one statement."""
    links = _MAIN_COMPANIES.rows(contacts=[record.pk for record in records])
    return {"companies": {contact: (pk, name) for contact, pk, name in links}}


def _company(contact: Any, given: dict[str, Any]) -> Any:
    found = given["companies"].get(contact.pk)
    return fill('<a class="quiet-link" href="/companies/{}">{}</a>', *found) if found else "–"


def _company_text(contact: Any, given: dict[str, Any]) -> str:
    found = given["companies"].get(contact.pk)
    return str(found[1]) if found else ""


_EMPLOYMENTS = Prepared(Employment, lambda contact: Employment.objects.filter(contact=contact).select_related("company").order_by("-main", "id"))


def card_context(request: HttpRequest, contact: Contact) -> dict[str, Any]:
    """Where the person works, and what stands on every card."""
    links = _EMPLOYMENTS.rows(contact=contact.pk)
    return {"employments": links, "phones": shown_phones(contact), "addresses": shown_addresses(contact), **card.context(request, CONTACT, contact), **more(request, "contact", contact.pk)}


def new_initial(request: HttpRequest) -> dict[str, Any]:
    """What an address fills in: `?phone=` for whoever is calling."""
    number = request.GET.get("phone", "").strip()[:60]
    return {"phones": [{"number": number, "kind": "work"}]} if number else {}


DESK = desk.register(
    Desk(
        kind=CONTACT, form=ContactForm, prefix="contacts", rail="contacts", gather=gather, card_template="contacts/card.html",
        card_context=card_context, new_initial=new_initial, new_label=_("New contact"), empty_title=_("No contacts yet"),
        empty_sentence=_("Write down the first one, or bring in the list you have: CSV, Excel or an address book."),
        defer=("messengers", "addresses", "keys", "site", "first_name", "last_name", "birthday"),
        columns=(
            Column("name", _("Name"), name_cell(second=lambda contact: contact.position), lambda contact, given: contact.name, sort="sort_key", phone="", width="w-lg"),
            Column("company", _("Company"), _company, _company_text, phone="wide"),
            Column("phone", _("Phone"), _phone, lambda contact, given: reaching.show_phones(contact.phones), phone="", width="w-md"),
            Column("email", _("E-mail"), lambda contact, given: contact.emails[0]["address"] if contact.emails else "–", lambda contact, given: reaching.show_emails(contact.emails)),
            Column("tags", _("Tags"), tags_cell, tags_text("contact"), width="w-md"),
            Column("created", _("Made"), lambda contact, given: given["reader"].when(contact.created_at, clock_time=False), lambda contact, given: contact.created_at, sort="created_at", width="w-sm"),
            RESPONSIBLE,
        ),
        filters=(Filter("position", _("Position"), lambda rows, value: rows.filter(position__icontains=value)),),
    )
)  # fmt: skip
