"""Subscriptions, and what was sent to them."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm_platform.kernel import clock


class Why(models.TextChoices):
    """Why nothing is sent to a subscription any more."""

    BY_HAND = "by_hand", _("A person switched it off")
    FAILING = "failing", _("It did not answer well for too long")


class Hook(models.Model):
    """A destination and the events it is told of (`settings`, by amoCRM's names), one of a destination.

    `secret` is sealed; an `earlier_secret` signs beside it until `earlier_until`. The state of its breaker: so many
    `failures` in a row since `failing_since`; nothing is tried before `paused_until`. `bad` counts bad answers by the
    moment of five minutes ("1795790400": 3). `sender` holds the only worker that sends, until `sender_until`. A replay tells
    events after `replay_after` up to `replay_to` again.
    """

    destination = models.CharField(max_length=1000)
    settings = ArrayField(models.TextField(), default=list)
    format = models.CharField(max_length=10)
    secret = models.TextField()
    earlier_secret = models.TextField(blank=True)
    earlier_until = models.DateTimeField(null=True)
    sort = models.IntegerField(default=0)
    created_by = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(default=clock.now)
    updated_at = models.DateTimeField(default=clock.now)
    disabled_at = models.DateTimeField(null=True)
    disabled_why = models.CharField(max_length=10, choices=Why.choices, blank=True)
    failures = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True)
    paused_until = models.DateTimeField(null=True)
    good_at = models.DateTimeField(null=True)
    bad = models.JSONField(default=dict)
    warned_at = models.DateTimeField(null=True)
    sender = models.CharField(max_length=32, blank=True)
    sender_until = models.DateTimeField(null=True)
    replay_after = models.BigIntegerField(null=True)
    replay_to = models.BigIntegerField(null=True)

    class Meta:
        db_table = "outbound_hook"
        ordering = ["sort", "id"]
        constraints = [models.UniqueConstraint(fields=["destination"], name="outbound_hook_once")]

    def __str__(self) -> str:
        return self.destination


class State(models.TextChoices):
    """How far a delivery is."""

    WAITING = "waiting", _("Waiting")
    DONE = "done", _("Delivered")
    FAILED = "failed", _("Given up")


class Cause(models.TextChoices):
    """What a delivery is sent for."""

    EVENT = "event", _("Event")
    REPLAY = "replay", _("Sent again")
    TEST = "test", _("Test")


class HookDelivery(models.Model):
    """One POST, as often as it is tried. `records` are those whose order it keeps ("deal:12"); `answers` what came back:
    [{"at", "status", "ms", "said", "problem"}]. `uid` travels as its id; for a single event it is made of the event, so that it is the same in a replay.
    """

    hook = models.ForeignKey(Hook, models.CASCADE, related_name="deliveries", db_index=False)
    uid = models.CharField(max_length=60)
    cause = models.CharField(max_length=6, choices=Cause.choices, default=Cause.EVENT)
    settings = ArrayField(models.TextField(), default=list)
    records = ArrayField(models.TextField(), default=list)
    events = models.PositiveIntegerField(default=1)
    body = models.TextField()
    event_at = models.DateTimeField(default=clock.now)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField(default=clock.real_now)
    answers = models.JSONField(default=list)
    created_at = models.DateTimeField(default=clock.real_now)
    done_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "outbound_delivery"
        indexes = [
            models.Index(fields=["hook", "id"], name="outbound_delivery_log"),
            models.Index(fields=["hook", "id"], name="outbound_delivery_waits", condition=Q(state="waiting")),
        ]
