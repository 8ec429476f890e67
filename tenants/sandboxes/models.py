"""Which workspaces are tests, whose, and until when."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q

from crm_platform.kernel import clock


class Sandbox(models.Model):
    """A test workspace, asked for by a person (`asked_by`, an id of theirs) in a workspace. Without `workspace` it is being made, or could not be."""

    operation = models.UUIDField(primary_key=True, default=uuid.uuid4)
    workspace = models.OneToOneField("tenants.Workspace", models.CASCADE, null=True, related_name="sandbox")
    asked_in = models.ForeignKey("tenants.Workspace", models.CASCADE, related_name="sandboxes")
    asked_by = models.BigIntegerField()
    asked_at = models.DateTimeField(default=clock.now)
    ends_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "sandbox"
        indexes = [models.Index(fields=["ends_at"], name="sandbox_living", condition=Q(ended_at=None))]
