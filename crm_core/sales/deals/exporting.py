"""What an export of deals holds beyond their list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm_core.groundwork.exports.columns import Further, Text, field_of, in_one_cell, register
from crm_core.sales.pipelines import queries as pipelines
from crm_platform.kernel import money

from .models import DealContact, DealLine


def gather(records: Sequence[Any]) -> dict[str, Any]:
    """Contacts and products of the deals, in two statements."""
    pks = [record.pk for record in records]
    people: dict[int, list[str]] = {}
    for deal, name in DealContact.objects.filter(deal__in=pks).order_by("-main", "id").values_list("deal_id", "contact__name"):
        people.setdefault(deal, []).append(name)
    lines: dict[int, list[DealLine]] = {}
    for line in DealLine.objects.filter(deal__in=pks):
        lines.setdefault(line.deal_id, []).append(line)
    return {"people": people, "lines": lines}


def _closed(deal: Any, given: dict[str, Any]) -> Any:
    return timezone.localdate(deal.closed_at) if deal.closed_at else None


def _of_lines(say: Callable[[Any, DealLine], str]) -> Text:
    """A figure of each line, in the order of the products."""
    return lambda deal, given: "; ".join(say(deal, line) for line in given["lines"].get(deal.pk, ()))


register(
    "deal",
    Further((
        (_("Currency"), field_of("currency")), (_("Pipeline"), lambda deal, given: next((one.name for one in pipelines.everything().pipelines if one.pk == deal.pipeline_id), "")),
        (_("Contact"), lambda deal, given: in_one_cell(given["people"].get(deal.pk, ()))), (_("Product"), lambda deal, given: in_one_cell(line.name for line in given["lines"].get(deal.pk, ()))),
        (_("Quantity of the product"), _of_lines(lambda deal, line: line.quantity_shown)), (_("Price of the product"), _of_lines(lambda deal, line: money.typed(line.price_minor, currency=deal.currency))),
        (_("Discount on the product, %"), _of_lines(lambda deal, line: str(line.discount))),
        (_("Begun on"), field_of("started_on")), (_("Expected to close"), field_of("expected_close")), (_("Closed on"), _closed),
        (_("Reason for losing"), lambda deal, given: pipelines.reason_name(deal.lost_reason_id)), (_("Comment on losing"), field_of("lost_comment")),
        (_("Source"), field_of("source")), (_("Number elsewhere"), field_of("external_id")),
    ), gather),
)  # fmt: skip
