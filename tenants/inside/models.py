"""Two single rows: what the control side told the workspace, and what the firm chose."""

from __future__ import annotations

from django.db import models

from crm_platform.kernel import clock


class WorkspaceState(models.Model):
    """Plan values, limits and billing state as the control side last sent them (design section 4).

    `limits` maps a metric to its limit or null; `limits_after_trial` are Free's, which hold by themselves once an unpaid
    trial is over: access is computed from state and time. `features` lists what the plan has. One row, id 1.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    public_id = models.CharField(max_length=32)
    generation = models.PositiveIntegerField(default=1)
    plan = models.CharField(max_length=40, default="free")
    plan_version = models.PositiveIntegerField(default=1)
    billing_state = models.CharField(max_length=20, default="active")
    trial_ends_at = models.DateTimeField(null=True)
    limits = models.JSONField(default=dict)
    limits_after_trial = models.JSONField(default=dict)
    features = models.JSONField(default=list)
    suspended = models.BooleanField(default=False)
    maintenance = models.BooleanField(default=False)
    last_operation = models.CharField(max_length=64, blank=True)
    updated_at = models.DateTimeField(default=clock.real_now)

    class Meta:
        db_table = "workspace_state"


class Preferences(models.Model):
    """The firm's own choices: they belong to the workspace, a person's language belongs to the person. One row, id 1."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    firm = models.CharField(max_length=200)
    language = models.CharField(max_length=8, default="en")
    time_zone = models.CharField(max_length=64, default="UTC")
    first_weekday = models.PositiveSmallIntegerField(default=1)
    currency = models.CharField(max_length=3, default="EUR")
    country = models.CharField(max_length=2, blank=True)
    weekly_archive = models.BooleanField(default=False, db_default=False)

    class Meta:
        db_table = "preferences"
