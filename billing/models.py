"""Plan versions, which never change, and what each workspace has subscribed to."""

from __future__ import annotations

from django.db import models

from crm_platform.kernel import clock
from tenants.models import Workspace


class PlanVersion(models.Model):
    """One immutable version of a plan; a workspace keeps its version's price and limits."""

    code = models.CharField(max_length=20)
    version = models.PositiveIntegerField(default=1)
    order = models.PositiveIntegerField(default=0)
    limits = models.JSONField(default=dict)
    prices = models.JSONField(default=dict)
    on_sale = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=clock.real_now)

    class Meta:
        db_table = "plan_version"
        ordering = ["order", "version"]
        constraints = [models.UniqueConstraint(fields=["code", "version"], name="plan_version_once")]

    def __str__(self) -> str:
        return f"{self.code} {self.version}"


class Subscription(models.Model):
    """What a workspace has: its plan's version, the state, the trial's end."""

    workspace = models.OneToOneField(Workspace, models.CASCADE, primary_key=True, related_name="subscription")
    plan = models.ForeignKey(PlanVersion, models.PROTECT, related_name="+")
    state = models.CharField(max_length=20, default="active")
    trial_ends_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField(default=clock.now)

    class Meta:
        db_table = "subscription"
