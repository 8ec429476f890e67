"""Archives of this workspace: on the way, ready to be fetched, gone again."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from crm_platform.kernel import clock


class Stage(models.TextChoices):
    """Where an archive stands."""

    RUNNING = "running", _("Being made")
    DONE = "done", _("Ready")
    CANCELLED = "cancelled", _("Cancelled")
    FAILED = "failed", _("Failed")
    GONE = "gone", _("Deleted")


class ArchiveRun(models.Model):
    """One archive. `name` is its folder below the workspace's files; `weekly` marks those that the firm wants kept fresh.

    `done` of `total` are rows and files; `ends_at` is when the file goes.
    """

    stage = models.CharField(max_length=12, choices=Stage.choices, default=Stage.RUNNING)
    weekly = models.BooleanField(default=False)
    name = models.CharField(max_length=40)
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(default=0)
    size = models.BigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    figures = models.JSONField(default=dict)
    cancel_asked = models.BooleanField(default=False)
    asked_by = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(default=clock.real_now)
    finished_at = models.DateTimeField(null=True)
    ends_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "archive_run"
        ordering = ["-id"]

    @property
    def percent(self) -> int:
        """How far it is."""
        return min(100, self.done * 100 // self.total) if self.total else 0
