"""What each workspace was told last, and which letters its people had."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from crm_platform.kernel import clock
from tenants.models import Workspace


class Told(models.Model):
    """What was decided for a workspace (plan, limits, moments) and whether it knows. `version` is raised by each change, so that an old message changes nothing.

    `look_at` is the moment of business time at which something changes by itself, or a letter is due.
    """

    workspace = models.OneToOneField(Workspace, models.CASCADE, primary_key=True, related_name="told")
    version = models.BigIntegerField(default=0)
    values = models.JSONField(default=dict)
    actor = models.CharField(max_length=200, blank=True)
    decided_at = models.DateTimeField(default=clock.real_now)
    told_at = models.DateTimeField(null=True)
    look_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "told"
        indexes = [
            models.Index(fields=["look_at"], name="told_look", condition=Q(look_at__isnull=False)),
            models.Index(fields=["decided_at"], name="told_untold", condition=Q(told_at__isnull=True)),
        ]


class StepState(models.TextChoices):
    """`written`: the letters are there. `passed`: its time was over, or a promise held, when it could have been written."""

    WAITING = "waiting"
    WRITTEN = "written"
    PASSED = "passed"


class DunningStep(models.Model):
    """One step of the reminders: once for each `since`, the moment from which its days are counted. `at` is when it was taken."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="dunning")
    since = models.DateTimeField()
    step = models.CharField(max_length=20)
    state = models.CharField(max_length=8, choices=StepState.choices, default=StepState.WAITING)
    at = models.DateTimeField(default=clock.now)
    letters = models.PositiveIntegerField(default=0)

    class Meta:
        db_table = "dunning_step"
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["workspace", "since", "step"], name="dunning_step_once")]
