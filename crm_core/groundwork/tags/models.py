"""Tags of each entity. A record carries the ids in its own array, under GIN: no table of links."""

from __future__ import annotations

from django.db import models


class Tag(models.Model):
    """A coloured word of an entity; `folded` makes "VIP" and "vip" one.

    `hue` is what screens show; `colour` is what a program chose, one of `palette.HUES`, or "" where none did.
    """

    entity = models.CharField(max_length=20)
    name = models.CharField(max_length=60)
    folded = models.CharField(max_length=60)
    hue = models.PositiveSmallIntegerField(default=1)
    colour = models.CharField(max_length=6, blank=True, default="", db_default="")

    class Meta:
        db_table = "tag"
        ordering = ["folded"]
        constraints = [models.UniqueConstraint(fields=["entity", "folded"], name="tag_once_per_entity")]

    def __str__(self) -> str:
        return self.name
