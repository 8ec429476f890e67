"""An import: the file, how it was read, how far it came, and the rows that need a person."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from crm_platform.kernel import clock


class Stage(models.TextChoices):
    """Where an import stands."""

    UPLOADED = "uploaded", _("Uploaded")
    MAPPED = "mapped", _("Ready to run")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    CANCELLED = "cancelled", _("Cancelled")
    FAILED = "failed", _("Failed")
    UNDOING = "undoing", _("Being undone")
    UNDONE = "undone", _("Undone")


class ImportRun(models.Model):
    """One import. What it made and changed is in the event rows with `via` = "import:<id>"; undo reads those.

    `mapping`: column → target with formats and choices. `totals`: the figures of the command's answer.
    """

    kind = models.CharField(max_length=20)
    file_name = models.CharField(max_length=255)
    path = models.CharField(max_length=300)
    size = models.BigIntegerField(default=0)
    reading = models.JSONField(default=dict)
    mapping = models.JSONField(default=dict)
    choices = models.JSONField(default=dict)
    stage = models.CharField(max_length=12, choices=Stage.choices, default=Stage.UPLOADED)
    rows_total = models.PositiveIntegerField(default=0)
    rows_done = models.PositiveIntegerField(default=0)
    totals = models.JSONField(default=dict)
    cancel_asked = models.BooleanField(default=False)
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.DO_NOTHING, null=True, related_name="+")
    created_at = models.DateTimeField(default=clock.now)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "import_run"
        ordering = ["-id"]


class ImportRow(models.Model):
    """A row that did not simply go in: an error with its reason, or one that waits for room on the plan."""

    run = models.ForeignKey(ImportRun, models.CASCADE, related_name="rows", db_index=False)
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=12)
    reason = models.TextField(blank=True)
    values = models.JSONField(default=list)

    class Meta:
        db_table = "import_row"
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="import_row_once")]
