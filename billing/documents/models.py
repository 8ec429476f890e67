"""Documents and what was paid on them, on the control side. They outlive the workspace: the law keeps them.

Money is integer minor units. Seller, buyer and lines are snapshots of the moment of issue; nobody changes them afterwards.
"""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from billing.models import BillingAccount
from crm_platform.kernel import clock, ids


class Kind(models.TextChoices):
    """A proforma asks for money and is no document of tax; an invoice states it; a credit note takes back from one; a closing document says what a month came to."""

    PROFORMA = "proforma"
    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"
    CLOSING = "closing"


class Status(models.TextChoices):
    """Only `open` is owed; `void` was taken back before anything was paid on it, `uncollectible` given up."""

    DRAFT = "draft"
    OPEN = "open"
    PAID = "paid"
    VOID = "void"
    UNCOLLECTIBLE = "uncollectible"


class Invoice(models.Model):
    """One document. `provider` says whose: a provider's is a mirror and has its number; one of our own is numbered at issue, in the
    `series` of its seller.

    `lines` is a list of {"ref", "quantity", "unit", "amount", "discount", "tax"}, `seller` and `buyer` {"name", "country",
    "address", "tax_id"} and what stands beside; `terms` {"tax_bp", "note"} says by which rule it is taxed. `reference` is what the
    payer writes on a transfer. `problem` is a provider's code where it could not make a draft final. `corrects` names the invoice that a credit note takes back from; `bill` the proforma whose payment an
    invoice states. `file` is the PDF's path, made once, of bytes with `sha256`.
    """

    public_id = models.CharField(max_length=32, unique=True, default=ids.random_id)
    account = models.ForeignKey(BillingAccount, models.PROTECT, related_name="invoices")
    provider = models.CharField(max_length=20)
    external_id = models.CharField(max_length=120, blank=True)
    subscription = models.CharField(max_length=120, blank=True)
    series = models.CharField(max_length=60, blank=True)
    number = models.CharField(max_length=60, blank=True)
    kind = models.CharField(max_length=12, choices=Kind.choices, default=Kind.INVOICE)
    status = models.CharField(max_length=14, choices=Status.choices, default=Status.DRAFT)
    currency = models.CharField(max_length=3)
    subtotal_minor = models.BigIntegerField(default=0)
    discount_minor = models.BigIntegerField(default=0)
    tax_minor = models.BigIntegerField(default=0)
    total_minor = models.BigIntegerField(default=0)
    paid_minor = models.BigIntegerField(default=0)
    refunded_minor = models.BigIntegerField(default=0)
    lines = models.JSONField(default=list)
    terms = models.JSONField(default=dict)
    seller = models.JSONField(default=dict)
    buyer = models.JSONField(default=dict)
    period_start = models.DateTimeField(null=True)
    period_end = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=clock.now)
    issued_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)
    paid_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    confirm_needed = models.BooleanField(default=False)
    disputed = models.CharField(max_length=20, blank=True)
    problem = models.CharField(max_length=60, blank=True, default="", db_default="")
    hosted_url = models.TextField(blank=True)
    pdf_url = models.TextField(blank=True)
    reference = models.CharField(max_length=40, blank=True)
    reason = models.TextField(blank=True)
    corrects = models.ForeignKey("self", models.PROTECT, null=True, related_name="corrections")
    bill = models.ForeignKey("self", models.PROTECT, null=True, related_name="stated_by")
    language = models.CharField(max_length=5, default="en")
    file = models.CharField(max_length=200, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    operation = models.CharField(max_length=120, blank=True)

    class Meta:
        db_table = "invoice"
        indexes = [
            models.Index(fields=["account", "-created_at"], name="invoice_of_account"),
            models.Index(fields=["provider", "due_at"], name="invoice_open", condition=Q(status="open")),
        ]
        constraints = [
            models.UniqueConstraint(fields=["provider", "external_id"], name="invoice_once", condition=~Q(external_id="")),
            models.UniqueConstraint(fields=["series", "kind", "number"], name="invoice_number_once", condition=~Q(series="")),
            models.UniqueConstraint(fields=["reference"], name="invoice_reference_once", condition=~Q(reference="")),
            models.UniqueConstraint(fields=["operation"], name="invoice_operation_once", condition=~Q(operation="")),
            models.CheckConstraint(condition=Q(refunded_minor__gte=0) & Q(refunded_minor__lte=F("paid_minor")), name="invoice_not_over_refunded"),
        ]

    @property
    def due_minor(self) -> int:
        """What is still to be paid."""
        return self.total_minor - self.paid_minor if self.status == Status.OPEN else 0

    @property
    def has_paper(self) -> bool:
        """Whether it is set on paper here: one of our own once it is issued, a provider's invoice once it is paid; a provider's credit note has its own at `pdf_url`."""
        return self.status != Status.DRAFT and bool(self.series or (self.status == Status.PAID and self.kind == Kind.INVOICE))


class NumberSeries(models.Model):
    """The last number given, by seller, kind and year. A row lock until the commit: an issue that is rolled back leaves no hole."""

    seller = models.CharField(max_length=60)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    year = models.PositiveIntegerField()
    last = models.PositiveIntegerField(default=0)

    class Meta:
        db_table = "number_series"
        constraints = [models.UniqueConstraint(fields=["seller", "kind", "year"], name="number_series_once")]


class Payment(models.Model):
    """Money that came for a document: by transfer, out of the account's credit, or recorded by an operator. `external_id` is the bank's own reference; `operation` makes it once."""

    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="payments")
    amount_minor = models.BigIntegerField()
    at = models.DateTimeField(default=clock.now)
    method = models.CharField(max_length=12, default="transfer")
    external_id = models.CharField(max_length=120, blank=True)
    payer = models.JSONField(default=dict)
    actor = models.CharField(max_length=200)
    operation = models.CharField(max_length=120, unique=True)

    class Meta:
        db_table = "payment"


class RefundState(models.TextChoices):
    """`waiting` for a second approver; `asked` of the provider; `refused` by the second approver; `failed` at the provider."""

    WAITING = "waiting"
    ASKED = "asked"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


class Refund(models.Model):
    """Money given back. The invoice's `refunded_minor` holds its amount from the first moment, so that two never exceed what was paid."""

    public_id = models.CharField(max_length=32, unique=True, default=ids.random_id)
    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="refunds")
    amount_minor = models.BigIntegerField()
    state = models.CharField(max_length=10, choices=RefundState.choices, default=RefundState.ASKED)
    reason = models.TextField()
    asked_by = models.CharField(max_length=200)
    asked_at = models.DateTimeField(default=clock.now)
    decided_by = models.CharField(max_length=200, blank=True)
    decided_at = models.DateTimeField(null=True)
    external_id = models.CharField(max_length=120, blank=True)
    error = models.TextField(blank=True)
    credit_note = models.ForeignKey(Invoice, models.PROTECT, null=True, related_name="+")
    operation = models.CharField(max_length=120, unique=True)

    class Meta:
        db_table = "refund"
        indexes = [models.Index(fields=["asked_at"], name="refund_undecided", condition=Q(state__in=("waiting", "asked")))]
        constraints = [models.UniqueConstraint(fields=["external_id"], name="refund_external_once", condition=~Q(external_id=""))]


class BalanceEntry(models.Model):
    """One line of the account's credit with us: append-only, a positive `change` is owed to the customer. The sum is the truth for those who pay by transfer."""

    account = models.ForeignKey(BillingAccount, models.PROTECT, related_name="+")
    at = models.DateTimeField(default=clock.now)
    currency = models.CharField(max_length=3)
    change_minor = models.BigIntegerField()
    reason = models.TextField()
    actor = models.CharField(max_length=200)
    document = models.ForeignKey(Invoice, models.PROTECT, null=True, related_name="+")
    operation = models.CharField(max_length=120, unique=True)

    class Meta:
        db_table = "balance_entry"
        indexes = [models.Index(fields=["account", "currency"], name="balance_entry_of_account")]
