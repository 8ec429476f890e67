"""What a company is to groundwork."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from crm_core.groundwork.records.ordering import sort_key
from crm_core.groundwork.records.registry import Attribute, Found, Kind, register
from crm_core.groundwork.tags import services as tags
from crm_core.people import reaching
from crm_platform.accounts import directory
from crm_platform.kernel.errors import Invalid

from .models import Company
from .permissions import COMPANIES


def prepare(company: Company) -> None:
    """Name, keys and order."""
    company.name = " ".join(company.name.split())
    if not company.name:
        raise Invalid(fields={"name": [_("Give the company a name.")]})
    company.phones, company.emails = reaching.clean_phones(company.phones), reaching.clean_emails(company.emails)
    company.addresses = reaching.clean_addresses(company.addresses)
    company.sort_key = sort_key(company.name)
    company.keys = [reaching.name_key(company.name), *reaching.keys_of(company.phones, company.emails)]
    if company.parent_id is not None and company.parent_id == company.pk:
        raise Invalid(fields={"parent": [_("A company cannot stand above itself.")]})


def found(company: Company) -> Found:
    """Name, phones, e-mails."""
    place = next((row.get("city", "") for row in company.addresses if row.get("city")), "")
    return Found(company.name, place or company.industry, reaching.words_for_search(company.phones, company.emails))


COMPANY = register(
    Kind(
        code="company", model=Company, entity=COMPANIES, label=_("Company"), plural=_("Companies"), icon="building-2", card="company",
        prepare=prepare, found=found, counts=lambda company: "contacts" if company.binned_at is None else "", weight=2,
        attributes=(
            Attribute("name", _("Name")),
            Attribute("phones", _("Phones"), reaching.show_phones),
            Attribute("emails", _("E-mails"), reaching.show_emails),
            Attribute("messengers", _("Messengers"), reaching.show_messengers),
            Attribute("addresses", _("Addresses"), reaching.show_addresses),
            Attribute("site", _("Site")),
            Attribute("industry", _("Industry")),
            Attribute("employees", _("Employees")),
            Attribute("annual_revenue", _("Annual revenue")),
            Attribute("founded", _("Founded")),
            Attribute("responsible_id", _("Responsible"), directory.name_of),
            Attribute("tag_ids", _("Tags"), lambda value: ", ".join(tags.names_of("company", value or []))),
        ),
    )
)  # fmt: skip
