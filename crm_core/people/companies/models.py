"""Companies."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q

from crm_core.groundwork.records.models import Record


class Company(Record):
    """A firm. `phones`, `emails`, `addresses`, `messengers` and `keys` as in Contact; `keys` also holds "n:<folded name>"."""

    name = models.CharField(max_length=250)
    industry = models.CharField(max_length=120, blank=True)
    site = models.CharField(max_length=300, blank=True)
    phones = models.JSONField(default=list, blank=True)
    emails = models.JSONField(default=list, blank=True)
    messengers = models.JSONField(default=list, blank=True)
    addresses = models.JSONField(default=list, blank=True)
    employees = models.PositiveIntegerField(null=True, blank=True)
    annual_revenue = models.DecimalField(max_digits=20, decimal_places=2, null=True, blank=True)
    founded = models.PositiveSmallIntegerField(null=True, blank=True)
    parent = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="branches")
    keys = ArrayField(models.TextField(), default=list, blank=True)

    class Meta:
        db_table = "company"
        indexes = [
            models.Index(fields=["sort_key", "id"], name="company_by_name", condition=Q(binned_at=None)),
            models.Index(fields=["responsible", "sort_key"], name="company_by_responsible", condition=Q(binned_at=None)),
            models.Index(fields=["-created_at", "-id"], name="company_by_age", condition=Q(binned_at=None)),
            models.Index(fields=["external_id"], name="company_by_external_id", condition=~Q(external_id="")),
            models.Index(fields=["binned_at"], name="company_binned", condition=Q(binned_at__isnull=False)),
            GinIndex(fields=["keys"], name="company_keys", fastupdate=False),
            GinIndex(fields=["tag_ids"], name="company_tags", fastupdate=False),
        ]

    def __str__(self) -> str:
        return self.name
