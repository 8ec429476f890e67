"""Two single rows: what the control side told the workspace, and what the firm chose."""

from __future__ import annotations

from django.db import models

from crm_platform.kernel import clock


class WorkspaceState(models.Model):
    """Plan values, limits and billing state as the control side last sent them (design section 4).

    `limits` maps a metric to its limit or null; `limits_after_trial` are Free's, which hold by themselves once an unpaid
    trial is over: access is computed from state and time (`tenants.lifecycle.access`). `features` lists what the plan has;
    `access_version` is the entry of the workspace's life that was told last. One row, id 1.
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
    suspended_level = models.CharField(max_length=8, blank=True, default="", db_default="")
    suspended_reason = models.TextField(blank=True, default="", db_default="")
    suspended_until = models.DateTimeField(null=True)
    erases_at = models.DateTimeField(null=True)
    access_version = models.BigIntegerField(default=0, db_default=0)
    maintenance = models.BooleanField(default=False)
    last_operation = models.CharField(max_length=64, blank=True)
    updated_at = models.DateTimeField(default=clock.real_now)

    class Meta:
        db_table = "workspace_state"


class Preferences(models.Model):
    """The firm's own choices: they belong to the workspace, a person's language belongs to the person. One row, id 1.

    `first_steps`: a new workspace is offered the list of first steps until it is closed or done.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    firm = models.CharField(max_length=200)
    language = models.CharField(max_length=8, default="en")
    time_zone = models.CharField(max_length=64, default="UTC")
    first_weekday = models.PositiveSmallIntegerField(default=1)
    currency = models.CharField(max_length=3, default="EUR")
    country = models.CharField(max_length=2, blank=True)
    first_steps = models.BooleanField(default=False, db_default=False)

    class Meta:
        db_table = "preferences"
