"""What stands beside records under `_embedded`: each question once for a whole page, never once for a record.

A row is its id and what follows the id in its JSON: a page of 250 tells hundreds of them, and most are an id and no more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import orjson

from crm_core.doors.amocrm.models import Stored
from crm_core.doors.amocrm.wire import answers
from crm_core.people.contacts.models import Employment
from crm_core.sales.deals.models import Deal, DealContact, DealLine
from crm_core.sales.pipelines import queries as pipelines
from crm_core.sales.pipelines import unsaid
from crm_platform.db.prepared import Prepared
from crm_platform.kernel.permissions import Actor

Beside = tuple[int, bytes]
Rows = dict[int, list[Beside]]
Links = Callable[[Actor, Sequence[Any]], Rows]
_MAIN = {True: b',"is_main":true', False: b',"is_main":false'}
# Products are the elements of the catalog of this number; catalogs count from 1000.
PRODUCTS = 1000


def customers(plural: str) -> Links:
    """The customers that contacts or companies are linked with."""

    def linked(actor: Actor, records: Sequence[Any]) -> Rows:
        links = Stored.objects.filter(kind="customer_link", deleted_at=None, body__to_entity_type=plural, body__to_entity_id__in=[record.pk for record in records])
        return _by((record, (customer or 0, b"")) for customer, record in links.order_by("pk").values_list("parent_id", "body__to_entity_id"))

    return linked


def _by(pairs: Iterable[tuple[int, Beside]]) -> Rows:
    rows: Rows = defaultdict(list)
    for pk, row in pairs:
        rows[pk].append(row)
    return rows


def written(row: Beside) -> bytes:
    """A row as JSON."""
    return b'{"id":%d%b}' % row


def read(row: Beside) -> dict[str, Any]:
    """A row as an object."""
    found: dict[str, Any] = orjson.loads(written(row))
    return found


def _with(columns: dict[str, Any]) -> bytes:
    """What follows the id of a row that has more."""
    return b"," + answers.inside(columns)


def company_of_deals(actor: Actor, records: Sequence[Any]) -> Rows:
    """A deal has one company."""
    companies = ((deal.id, deal.company_id) for deal in records)
    return {deal: [(company, b"")] for deal, company in companies if company}


# Whole pages ask by their records' ids: compiled once, the ids in one parameter.
_OF_DEALS: Prepared[tuple[int, int, bool]] = Prepared(
    DealContact, lambda deals: DealContact.objects.filter(deal__id__among=deals).order_by("-main", "id").values_list("deal_id", "contact_id", "main")
)
_FIRMS: Prepared[tuple[int, int]] = Prepared(
    Employment, lambda contacts: Employment.objects.filter(contact__id__among=contacts).order_by("-main", "id").values_list("contact_id", "company_id")
)


def contacts_of_deals(actor: Actor, records: Sequence[Any]) -> Rows:
    """The main contact first."""
    links = _OF_DEALS.rows(deals=[deal.id for deal in records])
    return _by((deal, (contact, _MAIN[main])) for deal, contact, main in links)


def reasons(actor: Actor, records: Sequence[Any]) -> Rows:
    """A list of one, as clients read it."""
    board = pipelines.everything()
    lost = [(deal.id, board.reasons.get(deal.lost_reason_id)) for deal in records if not unsaid.is_unsaid(board, deal.lost_reason_id)]
    return {pk: [(reason.pk, _with({"name": reason.name, "sort": reason.order, "created_at": 0, "updated_at": 0}))] for pk, reason in lost if reason is not None}


def elements(actor: Actor, records: Sequence[Any]) -> Rows:
    """The products of deals, as elements of their catalog, and behind them the elements of programs' own catalogs."""
    lines = DealLine.objects.filter(deal__in=[deal.pk for deal in records], product__isnull=False).values_list("deal_id", "product_id", "quantity_milli")
    rows = [(deal, (product, _with({"metadata": {"quantity": _number(quantity), "catalog_id": PRODUCTS, "price_id": None}}))) for deal, product, quantity in lines]
    return _by([*rows, *_kept_elements("leads", records)])


def elements_of(plural: str) -> Links:
    """The elements of catalogs that contacts or companies are linked with."""
    return lambda actor, records: _by(_kept_elements(plural, records))


def _kept_elements(plural: str, records: Sequence[Any]) -> list[tuple[int, Beside]]:
    kept = Stored.objects.filter(kind="element_link", key__startswith=f"{plural}:", parent_id__in=[record.pk for record in records], deleted_at=None)
    links = list(kept.order_by("pk"))
    gone = set(Stored.objects.filter(kind="element", pk__in=[row.body["id"] for row in links], deleted_at__isnull=False).values_list("pk", flat=True)) if links else ()
    return [(row.parent_id or 0, (row.body["id"], _with({"metadata": row.body["metadata"]}))) for row in links if row.body["id"] not in gone]


def _number(milli: int) -> float | int:
    return milli // 1000 if milli % 1000 == 0 else milli / 1000


def companies_of_contacts(actor: Actor, records: Sequence[Any]) -> Rows:
    """Where they work, the main company first."""
    links = _FIRMS.rows(contacts=[contact.id for contact in records])
    return _by((contact, (company, b"")) for contact, company in links)


def deals_of_contacts(actor: Actor, records: Sequence[Any]) -> Rows:
    """The deals they speak for."""
    links = DealContact.objects.filter(contact__in=[contact.pk for contact in records], deal__binned_at=None).order_by("deal_id").values_list("contact_id", "deal_id")
    return _by((contact, (deal, b"")) for contact, deal in links)


def contacts_of_companies(actor: Actor, records: Sequence[Any]) -> Rows:
    """Who works there."""
    links = Employment.objects.filter(company__in=[one.pk for one in records], contact__binned_at=None).order_by("contact_id").values_list("company_id", "contact_id")
    return _by((company, (contact, b"")) for company, contact in links)


def deals_of_companies(actor: Actor, records: Sequence[Any]) -> Rows:
    """Their deals."""
    links = Deal.objects.filter(company__in=[one.pk for one in records], binned_at=None).order_by("id").values_list("company_id", "pk")
    return _by((company, (deal, b"")) for company, deal in links)
