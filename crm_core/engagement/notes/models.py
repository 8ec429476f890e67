"""Notes."""

from __future__ import annotations

from django.db import models

from crm_platform.kernel import clock


class Note(models.Model):
    """What someone wrote on a record's card; a pinned note stays on top.

    `kind` is the open API's word for what it is ("common", "call_in" ...), `params` what a program said of it; `text` is what people read.
    """

    entity = models.CharField(max_length=20)
    record_id = models.BigIntegerField()
    text = models.TextField()
    pinned = models.BooleanField(default=False)
    kind = models.CharField(max_length=40, default="common", db_default="common")
    params = models.JSONField(default=dict, blank=True, db_default={})
    created_at = models.DateTimeField(default=clock.now)
    created_by = models.BigIntegerField(null=True)
    edited_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(default=1)
    binned_at = models.DateTimeField(null=True, blank=True)
    binned_by = models.BigIntegerField(null=True, blank=True)

    class Meta:
        db_table = "note"
        indexes = [models.Index(fields=["entity", "record_id"], name="note_of_record")]
