"""The desk of companies."""

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
from crm_core.people.contacts.models import Employment
from crm_platform.db.prepared import Prepared, by_key
from crm_platform.ui.markup import fill

from .forms import CompanyForm
from .kind import COMPANY
from .models import Company


def _phone(company: Any, given: dict[str, Any]) -> Any:
    number = company.phones[0]["number"] if company.phones else ""
    return fill('<a class="nowrap" href="tel:{}">{}</a>', number, reaching.show_phone(number)) if number else "–"


def _city(company: Any, given: dict[str, Any]) -> str:
    return next((row.get("city", "") for row in company.addresses if row.get("city")), "") or "–"


_PEOPLE = Prepared(Employment, lambda company: Employment.objects.filter(company=company, contact__binned_at=None).select_related("contact").order_by("contact__sort_key")[:50])


def card_context(request: HttpRequest, company: Company) -> dict[str, Any]:
    """Who works there; the firm above."""
    people = _PEOPLE.rows(company=company.pk)
    parent = by_key(Company, company.parent_id) if company.parent_id else None
    return {"people": people, "parent": parent, "phones": shown_phones(company), "addresses": shown_addresses(company), **card.context(request, COMPANY, company), **more(request, "company", company.pk)}


def shown_phones(record: Any) -> list[tuple[str, str, str]]:
    """Number to dial, number to read, kind."""
    kinds = dict(reaching.KINDS)
    return [(row["number"], reaching.show_phone(row["number"]), str(kinds.get(row.get("kind", ""), ""))) for row in record.phones]


def shown_addresses(record: Any) -> list[str]:
    """Each address in a line, without what is not known of it."""
    return [reaching.show_addresses([row]) for row in record.addresses]


# Slices above add to a card what they know of it (deals): entity → context.
_more: list[Any] = []


def adds(function: Any) -> Any:
    """Register a function (request, entity, pk) → context for the cards of contacts and companies."""
    _more.append(function)
    return function


def more(request: HttpRequest, entity: str, pk: int) -> dict[str, Any]:
    """What the slices above add."""
    context: dict[str, Any] = {}
    for function in _more:
        context |= function(request, entity, pk)
    return context


def gather(records: Sequence[Any]) -> dict[str, Any]:
    """Nothing further."""
    return {}


DESK = desk.register(
    Desk(
        kind=COMPANY, form=CompanyForm, prefix="companies", rail="companies", gather=gather, card_template="companies/card.html",
        card_context=card_context, new_label=_("New company"), empty_title=_("No companies yet"),
        empty_sentence=_("Write down the first one, or bring in the list you have."),
        columns=(
            Column("name", _("Name"), name_cell(second=lambda company: company.industry), lambda company, given: company.name, sort="sort_key", phone="", width="w-lg"),
            Column("phone", _("Phone"), _phone, lambda company, given: reaching.show_phones(company.phones), phone="", width="w-md"),
            Column("email", _("E-mail"), lambda company, given: company.emails[0]["address"] if company.emails else "–", lambda company, given: reaching.show_emails(company.emails)),
            Column("city", _("City"), _city, lambda company, given: reaching.show_addresses(company.addresses), width="w-sm"),
            Column("tags", _("Tags"), tags_cell, tags_text("company"), width="w-md"),
            Column("created", _("Made"), lambda company, given: given["reader"].when(company.created_at, clock_time=False), lambda company, given: company.created_at, sort="created_at", width="w-sm"),
            RESPONSIBLE,
        ),
        filters=(Filter("industry", _("Industry"), lambda rows, value: rows.filter(industry__iexact=value)),),
    )
)  # fmt: skip
