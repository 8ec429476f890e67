"""Snapshots, and what is known of each workspace's changes."""

from __future__ import annotations

from typing import Any

from django.db import models

from crm_platform.kernel import clock


class Snapshot(models.Model):
    """One file in the storage `snapshots`. The row comes before the file, so that a killed writer leaves nothing unknown.

    `manifest` holds counts, sums and hashes by table, the counters and the migrations; `proved_at` is when the file was last read
    back in full and found to be what was written.
    """

    workspace = models.ForeignKey("tenants.Workspace", models.CASCADE, related_name="snapshots")
    why = models.CharField(max_length=10)
    file = models.CharField(max_length=200)
    version = models.CharField(max_length=64)
    generation = models.PositiveIntegerField()
    manifest: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    rows = models.BigIntegerField(default=0)
    bytes = models.BigIntegerField(default=0)
    began_at = models.DateTimeField(default=clock.real_now)
    taken_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    proved_at = models.DateTimeField(null=True)
    keep = models.BooleanField(default=False)

    class Meta:
        app_label = "tenants"
        db_table = "snapshot"
        indexes = [models.Index(fields=["workspace", "-taken_at"], name="snapshot_latest")]


class Looked(models.Model):
    """When the keeper last looked at a workspace, what its tables had counted as written by then, and since when that has not changed."""

    workspace = models.OneToOneField("tenants.Workspace", models.CASCADE, primary_key=True, related_name="looked")
    at = models.DateTimeField(default=clock.real_now)
    written = models.BigIntegerField(default=0)
    changed_at = models.DateTimeField(default=clock.real_now)

    class Meta:
        app_label = "tenants"
        db_table = "looked"
