"""Counters."""

from __future__ import annotations

from django.db import models

from crm_platform.kernel import clock


class Counter(models.Model):
    """How many of a metric there are. `reached_at`: when its limit was first reached (14 days of buffer run from then); `noticed`: the percentage that was told of it.

    `base_value` at `base_at` is the figure of up to a month ago, for the forecast.
    """

    metric = models.CharField(max_length=40, primary_key=True)
    value = models.BigIntegerField(default=0)
    reached_at = models.DateTimeField(null=True)
    noticed = models.SmallIntegerField(default=0, db_default=0)
    base_value = models.BigIntegerField(default=0)
    base_at = models.DateTimeField(default=clock.now)

    class Meta:
        db_table = "counter"
