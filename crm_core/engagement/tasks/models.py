"""Tasks."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from crm_platform.kernel import clock

# Letters: programs write whole instructions into a task.
LONGEST_TEXT = 5000


class TaskType(models.TextChoices):
    """What is to be done."""

    CALL = "call", _("Call")
    MEET = "meet", _("Meeting")
    MAIL = "mail", _("Letter")
    TODO = "todo", _("To do")


def in_short(text: str) -> str:
    """A task's text in one line of at most 80 letters: for what names a task in passing."""
    return Truncator(" ".join(text.split())).chars(80)


class Task(models.Model):
    """A promise, on a record or free. `all_day` means by the end of that day in the firm's time zone.

    `entity` and `record_id` name the record ("deal", 12); empty and null for a task of its own. `duration` is in seconds, 0 where nobody said one.
    """

    text = models.CharField(max_length=LONGEST_TEXT)
    type = models.CharField(max_length=10, choices=TaskType.choices, default=TaskType.TODO)
    responsible = models.ForeignKey(settings.AUTH_USER_MODEL, models.DO_NOTHING, null=True, related_name="+")
    entity = models.CharField(max_length=20, blank=True)
    record_id = models.BigIntegerField(null=True, blank=True)
    due_at = models.DateTimeField()
    all_day = models.BooleanField(default=False)
    duration = models.IntegerField(default=0, db_default=0)
    result = models.TextField(blank=True)
    done_at = models.DateTimeField(null=True, blank=True)
    done_by = models.BigIntegerField(null=True, blank=True)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=clock.now)
    created_by = models.BigIntegerField(null=True)
    updated_at = models.DateTimeField(default=clock.now)
    binned_at = models.DateTimeField(null=True, blank=True)
    binned_by = models.BigIntegerField(null=True, blank=True)

    class Meta:
        db_table = "task"
        indexes = [
            models.Index(fields=["responsible", "due_at"], name="task_open_of_person", condition=Q(done_at=None, binned_at=None)),
            models.Index(fields=["due_at"], name="task_open_by_due", condition=Q(done_at=None, binned_at=None)),
            models.Index(fields=["entity", "record_id", "due_at"], name="task_of_record"),
            models.Index(fields=["-done_at"], name="task_done", condition=Q(done_at__isnull=False, binned_at=None)),
        ]

    @property
    def short(self) -> str:
        """Its text in short."""
        return in_short(self.text)
