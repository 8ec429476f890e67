"""Pipelines, their stages, and reasons for losing."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from crm_platform.kernel import clock


class Pipeline(models.Model):
    """A way deals go. Archived pipelines keep their deals and take no new ones."""

    name = models.CharField(max_length=120)
    order = models.PositiveIntegerField(default=0)
    archived_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        db_table = "pipeline"
        ordering = ["order", "id"]

    def __str__(self) -> str:
        return self.name


# The colours of stages, by the numbers of the design's tokens.
HUES = (
    (1, _("Grey")), (2, _("Blue")), (3, _("Teal")), (4, _("Yellow")), (5, _("Orange")), (6, _("Green")), (7, _("Pink")), (8, _("Violet")),
)  # fmt: skip


class StageKind(models.TextChoices):
    """Won and lost are system stages, one of each in every pipeline; they cannot be deleted or reordered."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"


class Stage(models.Model):
    """A step: colour (1 to 8), probability in percent, after how many days a deal lies too long."""

    pipeline = models.ForeignKey(Pipeline, models.CASCADE, related_name="stages")
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=4, choices=StageKind.choices, default=StageKind.OPEN)
    hue = models.PositiveSmallIntegerField(default=1)
    probability = models.PositiveSmallIntegerField(default=50)
    idle_days = models.PositiveSmallIntegerField(null=True, blank=True)
    order = models.PositiveIntegerField(default=0)

    class Meta:
        db_table = "stage"
        ordering = ["order", "id"]
        constraints = [
            models.UniqueConstraint(fields=["pipeline"], name="stage_one_won", condition=Q(kind="won")),
            models.UniqueConstraint(fields=["pipeline"], name="stage_one_lost", condition=Q(kind="lost")),
            models.CheckConstraint(name="stage_probability_in_percent", condition=Q(probability__lte=100)),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def menu_id(self) -> str:
        """The id of its menu on the page of settings."""
        return f"stage-menu-{self.pk}"


# The reason of deals that a program lost without saying why (`unsaid`): kept under this name whatever the firm's language is.
UNSAID = gettext_noop("No reason given")


class LostReason(models.Model):
    """Why a deal was lost; chosen, never typed."""

    name = models.CharField(max_length=120)
    order = models.PositiveIntegerField(default=0)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "lost_reason"
        ordering = ["order", "id"]

    def __str__(self) -> str:
        return self.name

    @property
    def shown(self) -> str:
        """Its name, in the reader's language where it is the one that nobody chose."""
        return gettext(self.name) if self.name == UNSAID else self.name
