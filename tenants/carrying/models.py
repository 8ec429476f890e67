"""Schemas of a workspace that are not its place: being filled, kept behind the fence, or laid beside it."""

from __future__ import annotations

from django.db import models

from crm_platform.kernel import clock


class Use(models.TextChoices):
    FILLING = "filling"
    OLD = "old"
    BESIDE = "beside"


class Spare(models.Model):
    """`schema` is the registry row of the schema (state `spare`: never claimed, never served), `owner` the workspace whose rows it holds.

    Whoever fills it holds the workspace's turn; a filling one that nobody holds goes, an old or beside one at `drop_at`.
    """

    schema = models.OneToOneField("tenants.Workspace", models.CASCADE, primary_key=True, related_name="spare")
    owner = models.ForeignKey("tenants.Workspace", models.CASCADE, related_name="spares")
    use = models.CharField(max_length=8, choices=Use.choices, default=Use.FILLING)
    drop_at = models.DateTimeField(null=True)
    made_at = models.DateTimeField(default=clock.real_now)

    class Meta:
        app_label = "tenants"
        db_table = "spare"
