"""Leads that wait under seal."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from crm_platform.kernel import clock


class HeldLead(models.Model):
    """One lead as it came, sealed with the platform's key. Its words go once it is opened; `sender_key` makes what is sent twice one lead."""

    received_at = models.DateTimeField(default=clock.now)
    source = models.CharField(max_length=80)
    sender_key = models.CharField(max_length=100, blank=True)
    sealed = models.BinaryField()
    opened_at = models.DateTimeField(null=True)
    broken = models.BooleanField(default=False)

    class Meta:
        db_table = "held_lead"
        indexes = [models.Index(fields=["id"], name="held_lead_waits", condition=Q(opened_at__isnull=True, broken=False))]
        constraints = [models.UniqueConstraint(fields=["source", "sender_key"], name="held_lead_once", condition=~Q(sender_key=""))]
