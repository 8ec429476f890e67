"""Integrations, and what people gave them. Rows are never deleted: what they did names them for ever."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from crm_platform.accounts.models import User
from crm_platform.kernel import clock


class Kind(models.TextChoices):
    """Whose program it is."""

    PRIVATE = "private", _("Our own")
    EXTERNAL = "external", _("Another firm’s")


class Integration(models.Model):
    """A program with a name, an id that leads to this workspace, and a secret of which only a digest is kept.

    `old_secret_digest` opens too until `old_secret_until`. `faults` are its last refusals, `undo` what became of undoing its writes.
    `rows_written` counts its events up to the one of `counted_to`.
    """

    name = models.CharField(max_length=120)
    client_id = models.UUIDField(unique=True)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.PRIVATE)
    redirect_uri = models.CharField(max_length=500, blank=True)
    scopes = ArrayField(models.CharField(max_length=20), default=list)
    secret_digest = models.CharField(max_length=64)
    secret_hint = models.CharField(max_length=8)
    old_secret_digest = models.CharField(max_length=64, blank=True)
    old_secret_until = models.DateTimeField(null=True)
    created_by = models.ForeignKey(User, models.DO_NOTHING, null=True, related_name="+", db_index=False)
    created_at = models.DateTimeField(default=clock.real_now)
    paused_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    errors = models.IntegerField(default=0)
    faults = models.JSONField(default=list)
    rows_written = models.BigIntegerField(default=0)
    counted_to = models.BigIntegerField(default=0)
    undo: models.JSONField[Any, Any] = models.JSONField(default=dict)

    class Meta:
        db_table = "integration"
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name

    @property
    def via(self) -> str:
        """What its event rows are known by."""
        return f"integration:{self.pk}"


class Grant(models.Model):
    """What one person gave to one integration: first a code, then a chain of refresh tokens, of which the present and the last are known by digest."""

    # A workspace has few of them, and each is found by its uid: no other index.
    integration = models.ForeignKey(Integration, models.PROTECT, related_name="grants", db_index=False)
    person = models.ForeignKey(User, models.DO_NOTHING, related_name="grants", db_index=False)
    uid = models.CharField(max_length=20)
    scopes = ArrayField(models.CharField(max_length=20), default=list)
    by_administrator = models.BooleanField(default=False)
    redirect_uri = models.CharField(max_length=500)
    code_digest = models.CharField(max_length=64)
    code_until = models.DateTimeField()
    code_used_at = models.DateTimeField(null=True)
    refresh_digest = models.CharField(max_length=64, blank=True)
    refresh_until = models.DateTimeField(null=True)
    previous_digest = models.CharField(max_length=64, blank=True)
    rotated_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=clock.real_now)

    class Meta:
        db_table = "integration_grant"
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["uid"], name="integration_grant_once")]
