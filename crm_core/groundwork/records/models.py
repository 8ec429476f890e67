"""The abstract base of every record."""

from __future__ import annotations

from typing import Any, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from crm_platform.kernel import clock


class RecordQuerySet(models.QuerySet[Any]):
    """Questions every record answers."""

    def kept(self) -> Self:
        """Without what lies in the bin."""
        return self.filter(binned_at=None)

    def binned(self) -> Self:
        """Only what lies in the bin."""
        return self.filter(binned_at__isnull=False)


class Record(models.Model):
    """A noun of the product: someone is responsible, it has tags, custom values, a version and a place in the bin.

    `sort_key` is what people-facing lists order by: folded in Python (case, accents, ё), the same on every server.
    `custom` maps a custom field's id (as text) to its value. `version` grows with each change; edit forms carry it.
    """

    responsible = models.ForeignKey(settings.AUTH_USER_MODEL, models.DO_NOTHING, null=True, blank=True, related_name="+")
    sort_key = models.TextField(default="", db_collation="C")
    tag_ids = ArrayField(models.BigIntegerField(), default=list, blank=True)
    custom = models.JSONField(default=dict, blank=True)
    external_id = models.CharField(max_length=200, default="", blank=True)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=clock.now)
    created_by = models.BigIntegerField(null=True)
    updated_at = models.DateTimeField(default=clock.now)
    updated_by = models.BigIntegerField(null=True)
    binned_at = models.DateTimeField(null=True, blank=True)
    binned_by = models.BigIntegerField(null=True, blank=True)

    objects = RecordQuerySet.as_manager()

    class Meta:
        abstract = True
