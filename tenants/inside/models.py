"""Two single rows: what the control side told the workspace, and what the firm chose."""

from __future__ import annotations

from django.db import models

from crm_platform.kernel import clock


class WorkspaceState(models.Model):
    """Plan values, limits and billing state as the control side last sent them (design section 4).

    `billing` holds the moments from which the state of billing is computed (`lifecycle.billing_state.Facts`), `seats` what is
    bought of them; `billing_state` and `trial_ends_at` say the same to the release before. `limits` maps a metric to its limit or
    null; `limits_after_trial` are Free's, which hold by themselves once an unpaid trial or a cancelled plan is over: all is computed
    from facts and time. `features` lists what the plan has. `access_version` and `billing_version` are what was told last of the
    workspace's life and of its plan. One row, id 1.
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
    billing = models.JSONField(default=dict, db_default={})
    billing_version = models.BigIntegerField(default=0, db_default=0)
    seats = models.JSONField(default=dict, db_default={})
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
    weekly_archive = models.BooleanField(default=False, db_default=False)

    class Meta:
        db_table = "preferences"
