"""A move, what it brought by its number over there, and what it could not bring."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from crm_platform.kernel import clock


class Stage(models.TextChoices):
    """Where a move stands."""

    LOOKING = "looking", _("Looking around")
    READY = "ready", _("Ready to move")
    TRYING = "trying", _("Trial under way")
    TRIED = "tried", _("Trial done")
    MOVING = "moving", _("Moving")
    PAUSED = "paused", _("Standing still")
    DONE = "done", _("Done")
    UNDOING = "undoing", _("Being undone")
    UNDONE = "undone", _("Undone")


AT_WORK = (Stage.LOOKING, Stage.TRYING, Stage.MOVING, Stage.UNDOING)


class Move(models.Model):
    """One move. What it wrote is in the event rows with `via` = "move:<id>"; undo reads those.

    `token` is sealed, and empty once it is not needed. `inventory`: what there is over there. `choices`: who is whom here, and what
    becomes of pipelines and fields. `cursor`: step, question and page that come next, kept with what was written; `resumes` is the
    stage that a paused one goes on in. `tries` counts failures in a row, `trouble` says the last. `totals`: how many by kind.
    """

    base = models.CharField(max_length=200)
    token = models.TextField(blank=True)
    stage = models.CharField(max_length=12, choices=Stage.choices, default=Stage.LOOKING)
    resumes = models.CharField(max_length=12, blank=True)
    inventory = models.JSONField(default=dict)
    choices = models.JSONField(default=dict)
    cursor = models.JSONField(default=dict)
    totals = models.JSONField(default=dict)
    trouble = models.TextField(blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    stop_asked = models.BooleanField(default=False)
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.DO_NOTHING, null=True, related_name="+", db_index=False)
    created_at = models.DateTimeField(default=clock.now)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "amo_move"
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.host

    @property
    def host(self) -> str:
        """The address as people read it: what it brought is known by it, whichever move of the account brought it."""
        return self.base.partition("://")[2]

    @property
    def via(self) -> str:
        """What its event rows are known by."""
        return f"move:{self.pk}"


class Moved(models.Model):
    """That a thing over there is a thing here, so that it never comes twice."""

    origin = models.CharField(max_length=200)
    kind = models.CharField(max_length=20)
    foreign_id = models.CharField(max_length=80)
    our_id = models.BigIntegerField()
    move = models.ForeignKey(Move, models.DO_NOTHING, related_name="+", db_index=False)

    class Meta:
        db_table = "amo_moved"
        constraints = [models.UniqueConstraint(fields=["origin", "kind", "foreign_id"], name="amo_moved_once")]
        indexes = [models.Index(fields=["kind", "our_id"], name="amo_moved_here")]


class Left(models.Model):
    """What was not moved, or not whole, and why."""

    move = models.ForeignKey(Move, models.CASCADE, related_name="left", db_index=False)
    kind = models.CharField(max_length=20)
    foreign_id = models.CharField(max_length=80, blank=True)
    name = models.CharField(max_length=250, blank=True)
    reason = models.TextField()

    class Meta:
        db_table = "amo_move_left"
        indexes = [models.Index(fields=["move", "id"], name="amo_move_left_of_move")]
