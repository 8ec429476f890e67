"""How far business time is moved."""

from __future__ import annotations

from django.db import models

from crm_platform.kernel import clock


class MovedClock(models.Model):
    """One row, id 1: microseconds that business time is ahead of the world's (below nought: behind it)."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    ahead = models.BigIntegerField(default=0)
    moved_at = models.DateTimeField(default=clock.real_now)

    class Meta:
        db_table = "moved_clock"
