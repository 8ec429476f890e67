"""What is kept about providers: their ids for what we sell, what we asked of them, what they told us, where we differ."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from billing.models import BillingAccount
from crm_platform.kernel import clock


class ProviderPrice(models.Model):
    """A provider's id of one of our prices: `ref` ("plan:team:1:seats", with ":base" for what is paid for the whole) in a currency and interval."""

    provider = models.CharField(max_length=20)
    ref = models.CharField(max_length=80)
    currency = models.CharField(max_length=3)
    interval = models.CharField(max_length=5)
    external_id = models.CharField(max_length=120)
    made_at = models.DateTimeField(default=clock.real_now)

    class Meta:
        db_table = "provider_price"
        constraints = [
            models.UniqueConstraint(fields=["provider", "ref", "currency", "interval"], name="provider_price_once"),
            models.UniqueConstraint(fields=["provider", "external_id"], name="provider_price_id_once"),
        ]

    @property
    def lookup_key(self) -> str:
        """By which the price is found at the provider."""
        return f"{self.ref}:{self.currency}:{self.interval}"


class OpState(models.TextChoices):
    ASKED = "asked"
    DONE = "done"
    REFUSED = "refused"


class ProviderOp(models.Model):
    """One thing asked of a provider, written before the call. `key` goes with the call, so that it is done once however often it is tried.

    `operation` is our name of it, `params` a digest of what was asked: another wish under the same name is another row.
    """

    key = models.CharField(max_length=120, unique=True)
    operation = models.CharField(max_length=100)
    account = models.ForeignKey(BillingAccount, models.SET_NULL, null=True, related_name="+")
    provider = models.CharField(max_length=20)
    kind = models.CharField(max_length=30)
    params = models.CharField(max_length=64)
    state = models.CharField(max_length=8, choices=OpState.choices, default=OpState.ASKED)
    result = models.JSONField(default=dict)
    error = models.TextField(blank=True)
    attempts = models.PositiveIntegerField(default=0)
    made_at = models.DateTimeField(default=clock.real_now)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "provider_op"
        indexes = [
            models.Index(fields=["operation"], name="provider_op_operation"),
            models.Index(fields=["made_at"], name="provider_op_open", condition=Q(state="asked")),
        ]


class EventStatus(models.TextChoices):
    RECEIVED = "received"
    PROCESSING = "processing"
    DONE = "done"
    FAILED = "failed"
    DEAD = "dead"
    IGNORED = "ignored"
    ORPHAN = "orphan"


OPEN = (EventStatus.RECEIVED, EventStatus.FAILED)


class ProviderEvent(models.Model):
    """The inbox: what a provider said happened, once. `raw` is the body as it came, "" after the time for which bodies are kept."""

    provider = models.CharField(max_length=20)
    external_id = models.CharField(max_length=120)
    kind = models.CharField(max_length=100)
    created = models.DateTimeField()
    version = models.CharField(max_length=40, blank=True)
    customer = models.CharField(max_length=120, blank=True)
    object_id = models.CharField(max_length=120, blank=True)
    named = models.CharField(max_length=64, blank=True)
    live = models.BooleanField(default=False)
    raw = models.TextField(blank=True)
    status = models.CharField(max_length=10, choices=EventStatus.choices, default=EventStatus.RECEIVED)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(default=clock.real_now)
    error = models.TextField(blank=True)
    received_at = models.DateTimeField(default=clock.real_now)
    handled_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "provider_event"
        constraints = [models.UniqueConstraint(fields=["provider", "external_id"], name="provider_event_once")]
        indexes = [
            models.Index(fields=["next_attempt_at"], name="provider_event_open", condition=Q(status__in=("received", "failed", "processing"))),
            models.Index(fields=["provider", "customer"], name="provider_event_waiting", condition=Q(status__in=("received", "failed"))),
            models.Index(fields=["-received_at"], name="provider_event_received"),
        ]


class SyncLease(models.Model):
    """Who looks at an account at the moment: one at a time, until `until` (real time). No lock is held while a provider is asked."""

    account = models.OneToOneField(BillingAccount, models.CASCADE, primary_key=True, related_name="+")
    token = models.CharField(max_length=32)
    until = models.DateTimeField()

    class Meta:
        db_table = "provider_sync_lease"


class Cursor(models.Model):
    """How far a provider's list of events has been read, and when a reconciliation last came to its end."""

    provider = models.CharField(max_length=20, unique=True)
    last_event = models.CharField(max_length=120, blank=True)
    last_event_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)
    reconciled_at = models.DateTimeField(null=True)
    reconciled_fully_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "provider_cursor"


class DriftKind(models.TextChoices):
    """The classes of billing.md 2.13, in its order."""

    NOT_THERE = "not_there"
    ORPHAN = "orphan"
    DIFFERS = "differs"
    QUANTITY = "quantity"
    TWO_LIVE = "two_live"
    INVOICES = "invoices"
    CUSTOMER_GONE = "customer_gone"
    ENTITLEMENTS = "entitlements"
    COUNTERS = "counters"
    INBOX = "inbox"
    CATALOGUE = "catalogue"
    OPS = "ops"


class Drift(models.Model):
    """A difference between us and a provider, open until a later look no longer finds it. `money_minor` is what is at risk."""

    kind = models.CharField(max_length=14, choices=DriftKind.choices)
    provider = models.CharField(max_length=20)
    account = models.ForeignKey(BillingAccount, models.CASCADE, null=True, related_name="+")
    subject = models.CharField(max_length=160)
    facts = models.JSONField(default=dict)
    money_minor = models.BigIntegerField(default=0)
    currency = models.CharField(max_length=3, blank=True)
    found_at = models.DateTimeField(default=clock.real_now)
    seen_at = models.DateTimeField(default=clock.real_now)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "provider_drift"
        constraints = [models.UniqueConstraint(fields=["kind", "provider", "subject"], name="provider_drift_open_once", condition=Q(closed_at__isnull=True))]
