"""One sleep, from the first step to the waking."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from crm_platform.kernel import clock


class NapStep(models.TextChoices):
    """`begun` takes the snapshot, `taken` proves it elsewhere, `proved` waits for a still moment, `closing` looks at the fence and drops the schema."""

    BEGUN = "begun"
    TAKEN = "taken"
    PROVED = "proved"
    CLOSING = "closing"
    ASLEEP = "asleep"
    AWAKE = "awake"
    GIVEN_UP = "given up"


class Nap(models.Model):
    """`wake_asked_at` is set by the first who comes; the schema that was dropped stands here for the record.

    `error` says why it was given up; of one that is asleep, why it could not be woken the last time.
    """

    workspace = models.ForeignKey("tenants.Workspace", models.CASCADE, related_name="naps")
    snapshot = models.ForeignKey("tenants.Snapshot", models.SET_NULL, null=True, related_name="+")
    step = models.CharField(max_length=10, choices=NapStep.choices, default=NapStep.BEGUN)
    alias = models.CharField(max_length=32)
    schema = models.CharField(max_length=63)
    error = models.TextField(blank=True)
    began_at = models.DateTimeField(default=clock.real_now)
    asleep_at = models.DateTimeField(null=True)
    wake_asked_at = models.DateTimeField(null=True)
    waking_ms = models.PositiveIntegerField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "tenants"
        db_table = "nap"
        constraints = [models.UniqueConstraint(fields=["workspace"], name="nap_one_at_a_time", condition=Q(finished_at=None))]
