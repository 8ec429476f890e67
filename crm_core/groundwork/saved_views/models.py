"""A list as someone wants to see it again."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from crm_platform.kernel import clock


class SavedView(models.Model):
    """`query` holds filters, order and columns exactly as the address of the list does; no owner: shared with all."""

    entity = models.CharField(max_length=20)
    name = models.CharField(max_length=80)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.DO_NOTHING, null=True, blank=True, related_name="+")
    query = models.JSONField(default=dict)
    in_rail = models.BooleanField(default=False)
    order = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        db_table = "saved_view"
        ordering = ["order", "id"]
