"""Rows that come back from an export of ours: their records, by our own number."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from crm_core.groundwork.records.registry import Kind

from .kinds import Parsed


def records_of(kind: Kind, rows: Iterable[Parsed]) -> dict[int, Any]:
    """By our number, those outside the bin."""
    pks = [row.values["record_id"] for row in rows if row.values.get("record_id")]
    return {record.pk: record for record in kind.model.objects.filter(pk__in=pks, binned_at=None)} if pks else {}


def with_number(kind: Kind, rows: Iterable[Parsed]) -> dict[str, Any]:
    """By the number elsewhere, the oldest of equals; the bin left out."""
    numbers = [row.values["external_id"] for row in rows if row.values.get("external_id")]
    return {record.external_id: record for record in kind.model.objects.filter(external_id__in=numbers, binned_at=None).order_by("-id")} if numbers else {}
