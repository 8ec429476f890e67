"""Files on records: the row here, the bytes in storage under the workspace's prefix."""

from __future__ import annotations

from django.db import models

from crm_platform.kernel import clock


class Attachment(models.Model):
    """A file of a record ("deal", 12). `path` is ours; `name` is what the person called it."""

    entity = models.CharField(max_length=20)
    record_id = models.BigIntegerField()
    name = models.CharField(max_length=255)
    path = models.CharField(max_length=300)
    media_type = models.CharField(max_length=120)
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=clock.now)
    created_by = models.BigIntegerField(null=True)
    binned_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "attachment"
        indexes = [models.Index(fields=["entity", "record_id"], name="attachment_of_record")]
