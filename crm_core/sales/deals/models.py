"""Deals, who belongs to them and what is sold by them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q

from crm_core.engagement.tasks.models import LONGEST_TEXT
from crm_core.groundwork.records.models import Record
from crm_platform.db.prepared import Noting

# Letters of the next step that stand on the deal: the board shows its beginning.
MOST_OF_STEP = 500


class Deal(Noting, Record):
    """Money we hope to win.

    `sum_minor` in minor units of `currency`, null while nobody knows. `state` repeats the stage's kind, so that open
    deals are found without a join. `rank` is the fractional place in the board's column. `next_task_at` and
    `next_task_text` repeat the earliest open task, written by the tasks' services in the same transaction. `lost_from`
    is the stage in which it was lost.
    """

    name = models.CharField(max_length=250)
    pipeline = models.ForeignKey("pipelines.Pipeline", models.PROTECT, related_name="deals", db_index=False)
    stage = models.ForeignKey("pipelines.Stage", models.PROTECT, related_name="deals", db_index=False)
    state = models.CharField(max_length=4, default="open")
    sum_minor = models.BigIntegerField(null=True, blank=True)
    currency = models.CharField(max_length=3, default="EUR")
    company = models.ForeignKey("companies.Company", models.SET_NULL, null=True, blank=True, related_name="deals")
    rank = models.TextField(default="", db_collation="C")
    expected_close = models.DateField(null=True, blank=True)
    stage_since = models.DateTimeField()
    started_on = models.DateField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    lost_reason = models.ForeignKey("pipelines.LostReason", models.PROTECT, null=True, blank=True, related_name="deals", db_index=False)
    lost_comment = models.TextField(blank=True)
    lost_from = models.BigIntegerField(null=True, blank=True)
    source = models.CharField(max_length=120, blank=True)
    next_task_at = models.DateTimeField(null=True, blank=True)
    next_task_text = models.CharField(max_length=LONGEST_TEXT, blank=True)
    next_task_type = models.CharField(max_length=10, blank=True)

    class Meta:
        db_table = "deal"
        indexes = [
            models.Index(fields=["stage", "rank", "id"], name="deal_on_board", condition=Q(binned_at=None, state="open")),
            models.Index(
                fields=["pipeline", "stage"], include=["sum_minor", "currency", "responsible"], name="deal_totals", condition=Q(binned_at=None)
            ),
            models.Index(fields=["sort_key", "id"], name="deal_by_name", condition=Q(binned_at=None)),
            models.Index(fields=["responsible", "state"], name="deal_by_responsible", condition=Q(binned_at=None)),
            models.Index(fields=["-created_at", "-id"], name="deal_by_age", condition=Q(binned_at=None)),
            models.Index(fields=["-closed_at"], name="deal_by_closing", condition=Q(binned_at=None, closed_at__isnull=False)),
            models.Index(fields=["external_id"], name="deal_by_external_id", condition=~Q(external_id="")),
            models.Index(fields=["binned_at"], name="deal_binned", condition=Q(binned_at__isnull=False)),
            GinIndex(fields=["tag_ids"], name="deal_tags", fastupdate=False),
        ]
        constraints = [
            models.CheckConstraint(name="deal_open_has_no_closing_time", condition=Q(state="open", closed_at=None) | (~Q(state="open") & Q(closed_at__isnull=False))),
            models.CheckConstraint(name="deal_lost_reason_only_when_lost", condition=Q(lost_reason=None) | Q(state="lost")),
        ]

    def __str__(self) -> str:
        return self.name

    # The stage as it was read, so that a save knows whether it moved.
    stage_read: int | None = None
    # Its time of closing as it was read: another one was said together with a move.
    closed_read: datetime | None = None
    # Its contacts where they are known already; None: they have to be asked for.
    contact_ids: list[int] | None = None

    def was_read(self) -> None:
        """Keep where it stood, for `stage_read` and `closed_read`."""
        self.stage_read, self.closed_read = self.__dict__.get("stage_id"), self.__dict__.get("closed_at")


class DealContact(models.Model):
    """That a contact speaks for a deal; one of them is the main one."""

    deal = models.ForeignKey(Deal, models.CASCADE, related_name="people", db_index=False)
    contact = models.ForeignKey("contacts.Contact", models.CASCADE, related_name="deal_links")
    role = models.CharField(max_length=120, blank=True)
    main = models.BooleanField(default=False)

    class Meta:
        db_table = "deal_contact"
        constraints = [
            models.UniqueConstraint(fields=["deal", "contact"], name="deal_contact_once"),
            models.UniqueConstraint(fields=["deal"], name="deal_contact_one_main", condition=Q(main=True)),
        ]


class DealLine(models.Model):
    """A product sold by a deal: quantity in thousandths, price in minor units of the deal's currency, discount in percent."""

    deal = models.ForeignKey(Deal, models.CASCADE, related_name="lines")
    product = models.ForeignKey("products.Product", models.SET_NULL, null=True, related_name="lines")
    name = models.CharField(max_length=250)
    quantity_milli = models.BigIntegerField(default=1000)
    price_minor = models.BigIntegerField(default=0)
    discount = models.PositiveSmallIntegerField(default=0)
    order = models.PositiveIntegerField(default=0)

    class Meta:
        db_table = "deal_line"
        ordering = ["order", "id"]

    @property
    def quantity_shown(self) -> str:
        """The quantity without needless noughts."""
        return f"{(Decimal(self.quantity_milli) / 1000).normalize():f}"
