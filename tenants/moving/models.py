"""One move, with the step it has come to: the keeper takes up what a killed command left."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from crm_platform.kernel import clock


class Step(models.TextChoices):
    """`making` and `copying` begin anew when taken up; `copied` goes on with what changed; `switching` looks at the fence; the last two are the end."""

    MAKING = "making"
    COPYING = "copying"
    COPIED = "copied"
    SWITCHING = "switching"
    DONE = "done"
    GIVEN_UP = "given up"


class Move(models.Model):
    """From one place to another. `spare` is the registry row of the schema that is filled, and after the switch of the one that was left."""

    workspace = models.ForeignKey("tenants.Workspace", models.CASCADE, related_name="+")
    spare = models.ForeignKey("tenants.Workspace", models.SET_NULL, null=True, related_name="moves")
    from_alias = models.CharField(max_length=32)
    from_schema = models.CharField(max_length=63)
    to_alias = models.CharField(max_length=32)
    to_schema = models.CharField(max_length=63, blank=True)
    step = models.CharField(max_length=10, choices=Step.choices, default=Step.MAKING)
    oldest = models.BigIntegerField(null=True)
    rows = models.BigIntegerField(default=0)
    carried_after = models.BigIntegerField(default=0)
    stood_still_ms = models.PositiveIntegerField(null=True)
    error = models.TextField(blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    started_at = models.DateTimeField(default=clock.real_now)
    next_at = models.DateTimeField(default=clock.real_now)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "tenants"
        db_table = "move"
        constraints = [models.UniqueConstraint(fields=["workspace"], name="move_one_at_a_time", condition=Q(finished_at=None))]
