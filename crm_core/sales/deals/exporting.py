"""What an export of deals holds beyond their list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm_core.groundwork.exports.columns import Further, field_of, register
from crm_core.sales.pipelines import queries as pipelines

from .models import DealContact, DealLine


def gather(records: Sequence[Any]) -> dict[str, Any]:
    """Contacts and products of the deals, in two statements."""
    pks = [record.pk for record in records]
    people: dict[int, list[str]] = {}
    for deal, name in DealContact.objects.filter(deal__in=pks).order_by("-main", "id").values_list("deal_id", "contact__name"):
        people.setdefault(deal, []).append(name)
    lines: dict[int, list[str]] = {}
    for deal, name in DealLine.objects.filter(deal__in=pks).values_list("deal_id", "name"):
        lines.setdefault(deal, []).append(name)
    return {"people": people, "lines": lines}


def _closed(deal: Any, given: dict[str, Any]) -> Any:
    return timezone.localdate(deal.closed_at) if deal.closed_at else None


register(
    "deal",
    Further((
        (_("Currency"), field_of("currency")), (_("Pipeline"), lambda deal, given: next((one.name for one in pipelines.everything().pipelines if one.pk == deal.pipeline_id), "")),
        (_("Contact"), lambda deal, given: "; ".join(given["people"].get(deal.pk, ()))), (_("Product"), lambda deal, given: "; ".join(given["lines"].get(deal.pk, ()))),
        (_("Begun on"), field_of("started_on")), (_("Expected to close"), field_of("expected_close")), (_("Closed on"), _closed),
        (_("Reason for losing"), lambda deal, given: pipelines.reason_name(deal.lost_reason_id)), (_("Comment on losing"), field_of("lost_comment")),
        (_("Source"), field_of("source")), (_("Number elsewhere"), field_of("external_id")),
    ), gather),
)  # fmt: skip
