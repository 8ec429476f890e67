"""The rollout ledger: what is being brought to which version, and how far each workspace is."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from crm_platform.kernel import clock


class Ring(models.IntegerChoices):
    """Who comes when: our own workspaces, one in a hundred, one in ten, all."""

    OWN = 0
    FIRST = 1
    TENTH = 2
    ALL = 3


class RolloutState(models.TextChoices):
    """`halted` is what an error rate did, `paused` what an operator did."""

    RUNNING = "running"
    PAUSED = "paused"
    HALTED = "halted"
    DONE = "done"


class StepState(models.TextChoices):
    """A workspace within a rollout."""

    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"


OPEN = (RolloutState.RUNNING, RolloutState.PAUSED, RolloutState.HALTED)


class Rollout(models.Model):
    """One bringing of all workspaces to a version.

    `most_failures` is the share (0 to 1) of tried workspaces that may fail before it halts; `soak` how many seconds a ring
    must stand before the next begins; `parallel` how many workspaces are changed at once.
    """

    version = models.CharField(max_length=64)
    state = models.CharField(max_length=8, choices=RolloutState.choices, default=RolloutState.RUNNING)
    reason = models.TextField(blank=True)
    ring = models.PositiveSmallIntegerField(choices=Ring.choices, default=Ring.OWN)
    ring_since = models.DateTimeField(default=clock.real_now)
    parallel = models.PositiveSmallIntegerField(default=2)
    soak = models.PositiveIntegerField(default=0)
    most_failures = models.FloatField(default=0.05)
    started_by = models.CharField(max_length=120, blank=True)
    started_at = models.DateTimeField(default=clock.real_now)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "tenants"
        db_table = "rollout"
        constraints = [models.UniqueConstraint(fields=["version"], condition=~Q(state="done"), name="rollout_once")]

    def __str__(self) -> str:
        return f"{self.version} ({self.state})"


class RolloutStep(models.Model):
    """One workspace within a rollout. `indexes` are statements still to be run beside any transaction, on large tables."""

    rollout = models.ForeignKey(Rollout, models.CASCADE, related_name="steps")
    workspace = models.ForeignKey("tenants.Workspace", models.CASCADE, related_name="rollout_steps")
    ring = models.PositiveSmallIntegerField(choices=Ring.choices)
    state = models.CharField(max_length=8, choices=StepState.choices, default=StepState.WAITING)
    hurried = models.BooleanField(default=False)
    tries = models.PositiveSmallIntegerField(default=0)
    at = models.DateTimeField(default=clock.real_now)
    leased_until = models.DateTimeField(null=True)
    took_ms = models.PositiveIntegerField(null=True)
    indexes = models.JSONField(default=list)
    error = models.TextField(blank=True)

    class Meta:
        app_label = "tenants"
        db_table = "rollout_step"
        constraints = [models.UniqueConstraint(fields=["rollout", "workspace"], name="rollout_step_once")]
        indexes = [models.Index(fields=["rollout", "ring", "at"], condition=Q(state="waiting"), name="rollout_step_waiting")]

    def __str__(self) -> str:
        return f"{self.workspace_id} ({self.state})"
