"""What the product has no noun for, kept as a program sent it and told back as it was."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from crm_platform.kernel import clock


class Stored(models.Model):
    """One thing of a kind ("catalog", "customer", "template" ...): its `body` as the API tells it, less what the columns say.

    `parent_id` is the thing it belongs to (an element's catalog), `key` the name by which it is found where that is no number
    (an external id, an address). Catalogs count from 1000 on the wire: see the resources.
    """

    kind = models.CharField(max_length=40)
    parent_id = models.BigIntegerField(null=True)
    key = models.CharField(max_length=300, default="", blank=True)
    body = models.JSONField(default=dict)
    custom = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=clock.now)
    created_by = models.BigIntegerField(null=True)
    updated_at = models.DateTimeField(default=clock.now)
    updated_by = models.BigIntegerField(null=True)
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "api_stored"
        indexes = [models.Index(fields=["kind", "parent_id", "id"], name="api_stored_of_kind", condition=Q(deleted_at=None))]
        constraints = [models.UniqueConstraint(fields=["kind", "key"], name="api_stored_once", condition=Q(deleted_at=None) & ~Q(key=""))]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"
