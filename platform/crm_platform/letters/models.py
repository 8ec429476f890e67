"""Letters on their way out."""

from __future__ import annotations

from django.db import models

from crm_platform.kernel import clock


class Letter(models.Model):
    """One letter. Its words are dropped once it is sent: they may hold links that open doors."""

    to = models.EmailField()
    subject = models.CharField(max_length=250)
    text = models.TextField(blank=True)
    html = models.TextField(blank=True)
    created_at = models.DateTimeField(default=clock.real_now)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "letter"
