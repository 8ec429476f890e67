"""What a payment service would keep for us: who pays by transfer, what was bought, and which operation was done."""

from __future__ import annotations

from django.db import models

from billing.documents.models import Invoice
from billing.models import BillingAccount
from crm_platform.kernel import clock


class TransferCustomer(models.Model):
    """Who pays by transfer: their letters' language is the language of their documents."""

    external_id = models.CharField(max_length=120, unique=True)
    account = models.ForeignKey(BillingAccount, models.PROTECT, related_name="+")
    name = models.CharField(max_length=250)
    email = models.CharField(max_length=254, blank=True)
    language = models.CharField(max_length=5, default="en")
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        db_table = "transfer_customer"


class TransferSubscription(models.Model):
    """What was bought by transfer. `target` and `scheduled` (from the period's end) are a `protocol.Target` as JSON.

    `billed_until` is the end of the last period for which there is a bill; `first` the bill of the checkout: unpaid past its day,
    the subscription is over, as if nothing had been bought. With `waits` nothing works before it is paid (`books.pays_first`).
    `trial` is what was given up for it: {"plan", "version", "ends_at"}, or {}. `lines` wait for the next period's bill.
    """

    external_id = models.CharField(max_length=120, unique=True)
    customer = models.ForeignKey(TransferCustomer, models.PROTECT, related_name="subscriptions")
    target = models.JSONField()
    scheduled = models.JSONField(null=True)
    first = models.ForeignKey(Invoice, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(default=clock.now)
    anchor = models.DateTimeField()
    trial_end = models.DateTimeField(null=True)
    billed_until = models.DateTimeField()
    cancel_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    paused_until = models.DateTimeField(null=True)
    lines = models.JSONField(default=list, db_default=[])
    waits = models.BooleanField(default=False, db_default=False)
    trial = models.JSONField(default=dict, db_default={})

    class Meta:
        db_table = "transfer_subscription"
        indexes = [models.Index(fields=["billed_until"], name="transfer_subscription_next", condition=models.Q(ended_at=None, closed_at=None))]


class TransferDone(models.Model):
    """An operation that was done, by its key: tried again, it gives the same result."""

    key = models.CharField(max_length=160, unique=True)
    result = models.JSONField(default=dict)
    at = models.DateTimeField(default=clock.real_now)

    class Meta:
        db_table = "transfer_done"


class LineState(models.TextChoices):
    """What became of a line: the bill is paid, partly paid, or more than paid; `known` was recorded by hand before; the others wait for a person, or were laid aside by one."""

    PAID = "paid"
    PARTIAL = "partial"
    OVER = "over"
    KNOWN = "known"
    REVIEW = "review"
    UNKNOWN = "unknown"
    IGNORED = "ignored"


class StatementFile(models.Model):
    """A bank's statement that was read, by the digest of its bytes."""

    sha256 = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=200)
    form = models.CharField(max_length=10)
    lines_read = models.PositiveIntegerField(default=0)
    loaded_by = models.CharField(max_length=200)
    loaded_at = models.DateTimeField(default=clock.now)

    class Meta:
        db_table = "statement_file"


class StatementLine(models.Model):
    """Money that came, as the bank says it. `fingerprint` makes it once, in however many statements it stands."""

    file = models.ForeignKey(StatementFile, models.PROTECT, related_name="entries")
    fingerprint = models.CharField(max_length=64, unique=True)
    at = models.DateTimeField()
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    payer = models.JSONField(default=dict)
    purpose = models.TextField(blank=True)
    external_id = models.CharField(max_length=120, blank=True)
    state = models.CharField(max_length=8, choices=LineState.choices, default=LineState.UNKNOWN)
    why = models.CharField(max_length=40, blank=True)
    invoice = models.ForeignKey(Invoice, models.PROTECT, null=True, related_name="+")
    decided_by = models.CharField(max_length=200, blank=True)

    class Meta:
        db_table = "statement_line"
        indexes = [models.Index(fields=["at"], name="statement_line_waits", condition=models.Q(state__in=("review", "unknown")))]
