"""One row per record, written by its service in the same transaction."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models


class SearchRow(models.Model):
    """What a record is found by.

    `pieces`: three-letter pieces of the folded text, short beginnings of words, three-digit pieces of phones.
    `text`: the whole folded text with phone digits and e-mails, to confirm by LIKE. `title`, `subtitle`: what is shown.
    """

    entity = models.CharField(max_length=20)
    record_id = models.BigIntegerField()
    title = models.TextField()
    subtitle = models.TextField(blank=True)
    text = models.TextField()
    pieces = ArrayField(models.TextField())
    responsible_id = models.BigIntegerField(null=True)
    weight = models.SmallIntegerField(default=0)

    class Meta:
        db_table = "search_row"
        indexes = [GinIndex(fields=["pieces"], name="search_row_pieces", gin_pending_list_limit=512)]
        constraints = [models.UniqueConstraint(fields=["entity", "record_id"], name="search_row_once")]
