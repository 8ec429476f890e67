"""Event rows: history, audit and outbox in one; and the inbox of messages that cross the gap between the sides."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q

from crm_platform.kernel import clock


class Event(models.Model):
    """One change that mattered.

    `subjects` names every record whose history shows it ("deal:12", "contact:4"); `before` and `after` hold the fields
    that changed, in the shape of the model. `via` is the means ("import:12"); `pending` rows wait for the relay.
    """

    name = models.CharField(max_length=60)
    entity = models.CharField(max_length=30)
    record_id = models.BigIntegerField(null=True)
    subjects = ArrayField(models.TextField(), default=list)
    before = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    after = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    actor_kind = models.CharField(max_length=16)
    actor_id = models.BigIntegerField(null=True)
    actor_name = models.CharField(max_length=200)
    via = models.CharField(max_length=80, blank=True)
    request = models.CharField(max_length=64, blank=True)
    at = models.DateTimeField(default=clock.now)
    pending = models.BooleanField(default=False)

    class Meta:
        db_table = "event"
        indexes = [
            GinIndex(fields=["subjects"], name="event_subjects", fastupdate=False),
            models.Index(fields=["id"], name="event_pending", condition=Q(pending=True)),
            models.Index(fields=["via", "id"], name="event_via", condition=~Q(via="")),
        ]

    @property
    def subject(self) -> str:
        """The record it is about, as in `subjects`."""
        return f"{self.entity}:{self.record_id}"


class InboxMessage(models.Model):
    """A message from the other side, or from outside, taken in once by its operation id."""

    operation = models.CharField(max_length=100, primary_key=True)
    kind = models.CharField(max_length=60)
    body = models.JSONField(default=dict)
    received_at = models.DateTimeField(default=clock.real_now)
    applied_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "inbox_message"
