"""Products."""

from __future__ import annotations

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q

from crm_core.groundwork.records.models import Record


class Product(Record):
    """What is sold. `price_minor` in minor units of `currency`; `folded` makes "GTX Pro" and "GTXPro" one."""

    name = models.CharField(max_length=250)
    folded = models.CharField(max_length=250)
    series = models.CharField(max_length=120, blank=True)
    sku = models.CharField(max_length=80, blank=True)
    unit = models.CharField(max_length=40, blank=True)
    price_minor = models.BigIntegerField(null=True, blank=True)
    currency = models.CharField(max_length=3, default="EUR")
    description = models.TextField(blank=True)

    class Meta:
        db_table = "product"
        indexes = [
            models.Index(fields=["sort_key", "id"], name="product_by_name", condition=Q(binned_at=None)),
            models.Index(fields=["folded"], name="product_folded"),
            GinIndex(fields=["tag_ids"], name="product_tags", fastupdate=False),
        ]

    def __str__(self) -> str:
        return self.name
