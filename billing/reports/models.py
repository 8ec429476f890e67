"""Days that were looked at, what each workspace paid then, and what had moved: written once, never changed.

The workspace is named by its public id, not by a foreign key: what was earned outlives its erasure.
"""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q

from crm_platform.kernel import clock


class WrittenOnce(models.Model):
    """A row that is never changed and never deleted: what was wrong is put right by the next day's movement."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Refused for a row that stands already."""
        if not self._state.adding:
            raise TypeError("a snapshot is never changed")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        """Refused."""
        raise TypeError("a snapshot is never deleted")


class Day(WrittenOnce):
    """A day's look, taken once, at the business moment `at`. `figures`: how many workspaces stood in each state."""

    day = models.DateField(unique=True)
    at = models.DateTimeField()
    taken_at = models.DateTimeField(default=clock.real_now)
    figures = models.JSONField(default=dict)

    class Meta:
        db_table = "report_day"
        ordering = ["day"]

    def __str__(self) -> str:
        return self.day.isoformat()


class MrrLine(WrittenOnce):
    """What one workspace brought in a month, in minor units of its currency, as it stood on that day. Who pays nothing has none."""

    day = models.ForeignKey(Day, models.PROTECT, related_name="lines")
    workspace = models.CharField(max_length=32)
    slug = models.CharField(max_length=63, blank=True)
    currency = models.CharField(max_length=3)
    minor = models.BigIntegerField()
    plan = models.CharField(max_length=20)
    version = models.PositiveIntegerField()
    interval = models.CharField(max_length=5)
    seats = models.PositiveIntegerField()
    past_due = models.BooleanField(default=False)

    class Meta:
        db_table = "report_line"
        constraints = [
            models.UniqueConstraint(fields=["day", "workspace"], name="report_line_once"),
            models.CheckConstraint(condition=Q(minor__gt=0), name="report_line_pays"),
        ]


class Kind(models.TextChoices):
    """What a movement is."""

    NEW = "new"
    EXPANSION = "expansion"
    REACTIVATION = "reactivation"
    CONTRACTION = "contraction"
    CHURN = "churn"


class Movement(WrittenOnce):
    """What changed for one workspace in one currency since the look before: `minor` is signed. `reason` of a churn: left, unpaid, paused, currency."""

    day = models.ForeignKey(Day, models.PROTECT, related_name="movements")
    workspace = models.CharField(max_length=32)
    slug = models.CharField(max_length=63, blank=True)
    currency = models.CharField(max_length=3)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    minor = models.BigIntegerField()
    reason = models.CharField(max_length=12, blank=True)

    class Meta:
        db_table = "report_movement"
        constraints = [models.UniqueConstraint(fields=["day", "workspace", "currency"], name="report_movement_once")]
        indexes = [models.Index(fields=["workspace", "kind"], name="report_movement_of")]


class TrialStart(WrittenOnce):
    """A workspace that began with a trial, and the day."""

    workspace = models.CharField(max_length=32, unique=True)
    day = models.DateField(db_index=True)

    class Meta:
        db_table = "report_trial"
