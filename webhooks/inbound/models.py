"""What arrived from outside, as it arrived."""

from __future__ import annotations

from django.db import models

from crm_platform.kernel import clock


class InboundMessage(models.Model):
    """One delivery. `digest` makes it once: of the sender's own id where it has one, else of the body."""

    source = models.CharField(max_length=40)
    digest = models.CharField(max_length=64)
    headers = models.JSONField(default=dict)
    body = models.BinaryField()
    received_at = models.DateTimeField(default=clock.real_now)
    handled_at = models.DateTimeField(null=True)
    refused = models.TextField(blank=True)

    class Meta:
        db_table = "inbound_message"
        constraints = [models.UniqueConstraint(fields=["source", "digest"], name="inbound_message_once")]
        indexes = [models.Index(fields=["id"], name="inbound_unhandled", condition=models.Q(handled_at=None))]
