"""The control side of plans and subscriptions: what is sold, who pays, what each workspace has, and the ledger of its seats.

Nothing sold is ever edited: a change of a figure is a new version. Money is integer minor units. Provider's ids stand here
as mapping alone; no rule reads them.
"""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from crm_platform.kernel import clock, ids
from tenants.models import Workspace


class PlanVersion(models.Model):
    """One immutable version of a plan; a workspace keeps its version's price and limits for 24 months.

    `limits` maps metric to limit or null, `features` names the modules in it, `terms` holds the prices (`pricing.terms.read`).
    """

    code = models.CharField(max_length=20)
    version = models.PositiveIntegerField(default=1)
    order = models.PositiveIntegerField(default=0)
    limits = models.JSONField(default=dict)
    features = models.JSONField(default=list, db_default=[])
    terms = models.JSONField(default=dict, db_default={})
    on_sale = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=clock.real_now)
    created_by = models.CharField(max_length=200, blank=True, default="", db_default="")

    class Meta:
        db_table = "plan_version"
        ordering = ["order", "version"]
        constraints = [models.UniqueConstraint(fields=["code", "version"], name="plan_version_once")]

    def __str__(self) -> str:
        return f"{self.code} {self.version}"


class AddOnVersion(models.Model):
    """One immutable version of what is bought beside a plan: a packet that raises a limit (`gives` {"contacts": 10000}) or a module (`gives` {"automation": true})."""

    code = models.CharField(max_length=30)
    version = models.PositiveIntegerField(default=1)
    gives = models.JSONField(default=dict)
    terms = models.JSONField(default=dict)
    on_sale = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=clock.real_now)
    created_by = models.CharField(max_length=200, blank=True)

    class Meta:
        db_table = "add_on_version"
        ordering = ["code", "version"]
        constraints = [models.UniqueConstraint(fields=["code", "version"], name="add_on_version_once")]

    def __str__(self) -> str:
        return f"{self.code} {self.version}"


class BillingAccount(models.Model):
    """Who pays for a workspace, and how. It outlives the workspace: invoices are kept by law.

    `provider` is "" until something is bought, then "stripe" or "manual_invoice"; `currency` is fixed by the first invoice that
    was paid. `dirty_at` asks for a look at the provider; `sync_generation` is raised by each, so that one overtaken cannot write.
    """

    public_id = models.CharField(max_length=32, unique=True, default=ids.random_id)
    workspace = models.OneToOneField(Workspace, models.SET_NULL, null=True, related_name="billing_account")
    slug = models.CharField(max_length=63, blank=True)
    provider = models.CharField(max_length=20, blank=True)
    external_id = models.CharField(max_length=120, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    currency_fixed_at = models.DateTimeField(null=True)
    tax_bp = models.PositiveIntegerField(default=0)
    contacts = models.JSONField(default=list)
    method = models.JSONField(default=dict)
    balance_minor = models.BigIntegerField(default=0)
    spending_ceiling_minor = models.BigIntegerField(null=True)
    referral_code = models.CharField(max_length=16, unique=True, default=ids.random_id)
    referred_by = models.ForeignKey("self", models.SET_NULL, null=True, related_name="+")
    dirty_at = models.DateTimeField(null=True)
    synced_at = models.DateTimeField(null=True)
    sync_generation = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        db_table = "billing_account"
        constraints = [models.UniqueConstraint(fields=["external_id"], name="billing_account_once", condition=~Q(external_id=""))]
        indexes = [models.Index(fields=["dirty_at"], name="billing_account_dirty", condition=Q(dirty_at__isnull=False))]

    @property
    def language(self) -> str:
        """In which its bills are worded: that of the first contact who has one, else English."""
        return next((str(one["language"]) for one in self.contacts if isinstance(one, dict) and one.get("language")), "en")

    def main_payer(self) -> Payer | None:
        """The company to which invoices go. Inside a control unit."""
        return self.payers.filter(main=True, archived_at=None).first()


class Payer(models.Model):
    """A company that pays: the account may have several, invoices go to the main one unless another is named. `tax_state`: "", pending, verified, refused."""

    account = models.ForeignKey(BillingAccount, models.CASCADE, related_name="payers")
    name = models.CharField(max_length=250)
    country = models.CharField(max_length=2)
    address = models.TextField(blank=True)
    tax_id = models.CharField(max_length=40, blank=True)
    tax_state = models.CharField(max_length=10, blank=True)
    details = models.JSONField(default=dict)
    main = models.BooleanField(default=False)
    archived_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "payer"
        constraints = [models.UniqueConstraint(fields=["account"], name="payer_one_main", condition=Q(main=True, archived_at__isnull=True))]


class Subscription(models.Model):
    """What a workspace has: its plan's version, seats, period; and the moments from which its state is computed.

    `state` is the last one computed, for lists; what decides is `facts` and now (`tenants.lifecycle.billing_state`).
    `status` is the provider's own word, an input: none, incomplete, active, past_due, unpaid, paused, canceled.
    """

    workspace = models.OneToOneField(Workspace, models.CASCADE, primary_key=True, related_name="subscription")
    plan = models.ForeignKey(PlanVersion, models.PROTECT, related_name="+")
    interval = models.CharField(max_length=5, blank=True, default="", db_default="")
    currency = models.CharField(max_length=3, blank=True, default="", db_default="")
    seats = models.PositiveIntegerField(default=0, db_default=0)
    add_ons = models.JSONField(default=dict, db_default={})
    occasional_ceiling = models.PositiveIntegerField(null=True)
    discount = models.JSONField(default=dict, db_default={})
    external_id = models.CharField(max_length=120, blank=True, default="", db_default="")
    status = models.CharField(max_length=20, default="none", db_default="none")
    state = models.CharField(max_length=20, default="active")
    anchor = models.DateTimeField(null=True)
    period_start = models.DateTimeField(null=True)
    period_end = models.DateTimeField(null=True)
    cancel_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    trial_ends_at = models.DateTimeField(null=True)
    past_due_since = models.DateTimeField(null=True)
    promised_until = models.DateTimeField(null=True)
    promised_for = models.DateTimeField(null=True)
    extended_until = models.DateTimeField(null=True)
    paused_until = models.DateTimeField(null=True)
    price_kept_until = models.DateTimeField(null=True)
    changed_at = models.DateTimeField(default=clock.now)

    class Meta:
        db_table = "subscription"
        constraints = [models.UniqueConstraint(fields=["external_id"], name="subscription_once", condition=~Q(external_id=""))]


class PendingChange(models.Model):
    """A change that waits: for the period's end, or for its payment. One of a kind at a time.

    `target` is a `providers.protocol.Target` as JSON. `kind`: plan, seats, cancel, add_ons, pause (its end), anew (a period that is to begin). `state`: waiting, applied, taken_back, lapsed.
    """

    subscription = models.ForeignKey(Subscription, models.CASCADE, related_name="changes")
    kind = models.CharField(max_length=10)
    target = models.JSONField(default=dict)
    effective_at = models.DateTimeField()
    state = models.CharField(max_length=10, default="waiting")
    asked_by = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        db_table = "pending_change"
        constraints = [models.UniqueConstraint(fields=["subscription", "kind"], name="pending_change_one", condition=Q(state="waiting"))]


class SeatEntry(models.Model):
    """One line of the seat ledger: append-only. `seats` is the number after it, `change` what it added; `operation` makes it once."""

    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+")
    at = models.DateTimeField(default=clock.now)
    kind = models.CharField(max_length=12, default="named")
    change = models.IntegerField()
    seats = models.PositiveIntegerField()
    reason = models.CharField(max_length=40)
    actor = models.CharField(max_length=200)
    operation = models.CharField(max_length=64, unique=True)

    class Meta:
        db_table = "seat_entry"
        indexes = [models.Index(fields=["workspace", "id"], name="seat_entry_of_workspace")]


class Coupon(models.Model):
    """A discount that may be given: percent (`percent_bp`) or an amount in one currency. `duration`: once, repeating (`months`), forever. `plans` [] for all."""

    code = models.CharField(max_length=40, unique=True)
    percent_bp = models.PositiveIntegerField(default=0)
    amount_minor = models.PositiveBigIntegerField(default=0)
    currency = models.CharField(max_length=3, blank=True)
    duration = models.CharField(max_length=10, default="once")
    months = models.PositiveIntegerField(null=True)
    plans = models.JSONField(default=list)
    first_time = models.BooleanField(default=False)
    expires_at = models.DateTimeField(null=True)
    most = models.PositiveIntegerField(null=True)
    redeemed = models.PositiveIntegerField(default=0)
    archived_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=clock.now)
    created_by = models.CharField(max_length=200, blank=True)

    class Meta:
        db_table = "coupon"
        constraints = [models.CheckConstraint(condition=Q(most__isnull=True) | Q(redeemed__lte=F("most")), name="coupon_not_over_redeemed")]


class Redemption(models.Model):
    """A coupon taken by a workspace, once each. `ends_at` is when the discount stops, None for never or not yet begun."""

    coupon = models.ForeignKey(Coupon, models.PROTECT, related_name="redemptions")
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    at = models.DateTimeField(default=clock.now)
    ends_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "coupon_redemption"
        constraints = [models.UniqueConstraint(fields=["coupon", "workspace"], name="coupon_once_a_workspace")]


class Override(models.Model):
    """A limit or module that the operator granted to one workspace, with a reason: sales' promises live here, not in a forked plan."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="overrides")
    metric = models.CharField(max_length=40)
    value = models.BigIntegerField(null=True)
    until = models.DateTimeField(null=True)
    reason = models.TextField()
    author = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "limit_override"


class MoneyEntry(models.Model):
    """The journal of everything that was done about money: append-only. `before` and `after` hold what changed, never a card."""

    account = models.ForeignKey(BillingAccount, models.PROTECT, related_name="+")
    at = models.DateTimeField(default=clock.now)
    name = models.CharField(max_length=60)
    actor = models.CharField(max_length=200)
    reason = models.TextField(blank=True)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    operation = models.CharField(max_length=64, blank=True)

    class Meta:
        db_table = "money_entry"
        indexes = [models.Index(fields=["account", "-id"], name="money_entry_of_account")]


class DayStretch(models.Model):
    """Seats by the day under one plan, up to the moment at which it ended, or was changed for another: the days in it are billed once, and the row says as what.

    `last`: no bill of `subscription` follows, so they come on a bill of their own, its `document` by the provider's name. `operation` makes it once.
    """

    account = models.ForeignKey(BillingAccount, models.PROTECT, related_name="+")
    plan = models.ForeignKey(PlanVersion, models.PROTECT, related_name="+")
    subscription = models.CharField(max_length=120)
    currency = models.CharField(max_length=3)
    at = models.DateTimeField()
    last = models.BooleanField()
    operation = models.CharField(max_length=64, unique=True)
    days = models.PositiveIntegerField(default=0)
    amount_minor = models.BigIntegerField(default=0)
    document = models.CharField(max_length=120, blank=True)
    settled_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "day_stretch"
        indexes = [models.Index(fields=["account"], name="day_stretch_waits", condition=Q(settled_at=None))]


class Checkout(models.Model):
    """A purchase that was begun: one open at a time for an account. `operation` is its key at the provider, `reference` the provider's name of it once it has one.

    `state`: open, finished (what was bought is there), closed (given up, expired, or another took its place).
    """

    account = models.ForeignKey(BillingAccount, models.CASCADE, related_name="checkouts")
    operation = models.CharField(max_length=64, unique=True, default=ids.random_id)
    provider = models.CharField(max_length=20)
    target = models.JSONField(default=dict)
    reference = models.CharField(max_length=200, blank=True)
    url = models.TextField(blank=True)
    document = models.CharField(max_length=64, blank=True)
    state = models.CharField(max_length=10, default="open")
    actor = models.CharField(max_length=200)
    at = models.DateTimeField(default=clock.now)

    class Meta:
        db_table = "checkout"
        constraints = [
            models.UniqueConstraint(fields=["account"], name="checkout_one_open", condition=Q(state="open")),
            models.UniqueConstraint(fields=["provider", "reference"], name="checkout_once", condition=~Q(reference="")),
        ]


class Act(models.Model):
    """Something a person does to what is bought, written before the provider is asked: one at a time for an account, once for an operation.

    `state`: open (until `until`, real time; then the next may begin), done, failed. `done_at` is business time: who decides by an older look is refused.
    """

    account = models.ForeignKey(BillingAccount, models.CASCADE, related_name="acts")
    operation = models.CharField(max_length=64, unique=True)
    kind = models.CharField(max_length=20)
    target = models.JSONField(default=dict)
    result = models.JSONField(default=dict)
    state = models.CharField(max_length=10, default="open")
    actor = models.CharField(max_length=200)
    until = models.DateTimeField()
    at = models.DateTimeField(default=clock.now)
    done_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "billing_act"
        constraints = [models.UniqueConstraint(fields=["account"], name="billing_act_one_open", condition=Q(state="open"))]
