"""The life of workspaces in rows of the control side. Nothing of a person is left in them once the workspace is erased."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm_platform.kernel import clock, ids


class Entry(models.Model):
    """One act upon a workspace: who, why, from which state to which. The audit of the control side, and the message to the workspace.

    `body` is what the workspace is told: its access, and the event that its journal shows. `told_at` says that it knows.
    """

    operation = models.UUIDField(unique=True)
    workspace = models.ForeignKey("tenants.Workspace", models.CASCADE, related_name="life")
    kind = models.CharField(max_length=40)
    before = models.CharField(max_length=16, blank=True)
    after = models.CharField(max_length=16, blank=True)
    by_kind = models.CharField(max_length=16)
    by_id = models.BigIntegerField(null=True)  # a person of the workspace or an operator: accounts stands on both sides
    by_name = models.CharField(max_length=200, blank=True)
    reason = models.TextField(blank=True)
    body = models.JSONField(default=dict)
    at = models.DateTimeField(default=clock.now)
    told_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "workspace_life"
        ordering = ["id"]
        indexes = [models.Index(fields=["id"], name="workspace_life_untold", condition=Q(told_at=None))]


class Departure(models.Model):
    """A workspace that leaves: until when it can come back, and under which number its certificate will stand."""

    workspace = models.OneToOneField("tenants.Workspace", models.CASCADE, primary_key=True, related_name="departure")
    certificate = models.CharField(max_length=32, default=ids.random_id, unique=True)
    asked_by = models.CharField(max_length=16)
    asked_at = models.DateTimeField(default=clock.now)
    erases_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "workspace_departure"


class SuspensionLevel(models.TextChoices):
    """How far the operator closes a workspace; each is reversible, and the people are told why."""

    NOTICE = "notice"
    READ = "read"
    OWNER = "owner"
    CLOSED = "closed"


class Suspension(models.Model):
    """The operator's suspension of a workspace: its level, its reason as the people read it, and its end where one is set."""

    workspace = models.OneToOneField("tenants.Workspace", models.CASCADE, primary_key=True, related_name="suspension")
    level = models.CharField(max_length=8, choices=SuspensionLevel.choices)
    reason = models.TextField()
    since = models.DateTimeField(default=clock.now)
    until = models.DateTimeField(null=True)

    class Meta:
        db_table = "workspace_suspension"


class HostState(models.TextChoices):
    """From a wish to an address that leads here. `verified`: proved to be the firm's, but it does not lead here yet."""

    PENDING = "pending", _("Waiting for the records")
    VERIFIED = "verified", _("Yours, but not leading here yet")
    ACTIVE = "active", _("Works")
    FAILING = "failing", _("Does not answer as it should")


PROVED = (HostState.VERIFIED, HostState.ACTIVE, HostState.FAILING)


class OwnHost(models.Model):
    """An address of the firm's own ("crm.acme.com"). Several may wish for one host; one alone has proved it."""

    workspace = models.ForeignKey("tenants.Workspace", models.CASCADE, related_name="own_hosts")
    host = models.CharField(max_length=253)
    token = models.CharField(max_length=40)
    state = models.CharField(max_length=10, choices=HostState.choices, default=HostState.PENDING)
    problem = models.CharField(max_length=20, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    checked_at = models.DateTimeField(null=True)
    good_at = models.DateTimeField(null=True)
    failing_since = models.DateTimeField(null=True)
    next_check_at = models.DateTimeField(null=True, db_index=True)

    class Meta:
        db_table = "own_host"
        ordering = ["host"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "host"], name="own_host_wished_once"),
            models.UniqueConstraint(fields=["host"], name="own_host_proved_once", condition=Q(state__in=PROVED)),
        ]


class FormerHost(models.Model):
    """A host that some workspace had, by its digest: whoever wishes for it later proves it by TXT, since an old CNAME may still lead here."""

    digest = models.CharField(max_length=64, primary_key=True)
    at = models.DateTimeField(default=clock.now)

    class Meta:
        db_table = "former_host"


class Certificate(models.Model):
    """What was erased, when, by whose wish; `steps` also says how far an erasure has come that was cut short."""

    id = models.CharField(max_length=32, primary_key=True, default=ids.random_id)
    workspace = models.OneToOneField("tenants.Workspace", models.CASCADE, related_name="certificate")
    address_digest = models.CharField(max_length=64)
    asked_by = models.CharField(max_length=16)
    asked_at = models.DateTimeField()
    erased = models.JSONField(default=dict)
    steps = models.JSONField(default=dict)
    backup_days = models.PositiveIntegerField()
    finished_at = models.DateTimeField(null=True)
    digest = models.CharField(max_length=64, blank=True)

    class Meta:
        db_table = "erasure_certificate"
