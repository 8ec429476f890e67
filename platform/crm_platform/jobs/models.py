"""Job rows, on both sides."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from crm_platform.kernel import clock


class JobState(models.TextChoices):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Job(models.Model):
    """Work left for later: `target` is the id it works on, `at` when at the earliest (real time).

    `lease` names the worker that has it, until `leased_until`; then another may take it over, from `checkpoint`.
    """

    name = models.CharField(max_length=60)
    target = models.BigIntegerField()
    key = models.CharField(max_length=100, blank=True)
    at = models.DateTimeField(default=clock.real_now)
    state = models.CharField(max_length=8, choices=JobState.choices, default=JobState.WAITING)
    lease = models.CharField(max_length=32, blank=True)
    leased_until = models.DateTimeField(null=True)
    checkpoint = models.JSONField(default=dict)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(default=clock.real_now)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "job"
        indexes = [models.Index(fields=["at", "id"], name="job_open", condition=Q(state__in=("waiting", "running")))]
        constraints = [
            models.UniqueConstraint(fields=["key"], name="job_key_waits_once", condition=Q(state="waiting") & ~Q(key="")),
        ]
