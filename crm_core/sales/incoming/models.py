"""What came in and waits, where it comes from, the forms that ask for it, and who is to answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm_platform.kernel import clock


class SourceKind(models.TextChoices):
    """How a source speaks to us."""

    API = "api", _("Program with a key")
    FORM = "form", _("Form")
    MAIL = "mail", _("Mail address")
    CALLS = "calls", _("Telephony")
    WEBHOOK = "webhook", _("Signed message")


class Category(models.TextChoices):
    """What kind of lead it is, in the words of the open API."""

    FORMS = "forms", _("Form")
    SIP = "sip", _("Call")
    MAIL = "mail", _("Mail")
    CHATS = "chats", _("Chat")
    API = "api", _("Program")
    WEBHOOK = "webhook", _("Message")


class LeadState(models.TextChoices):
    """Whether someone has decided, and what."""

    WAITING = "waiting", _("Waits")
    ACCEPTED = "accepted", _("Accepted")
    LINKED = "linked", _("Linked")
    MERGED = "merged", _("Merged")
    DECLINED = "declined", _("Declined")


class LeadSource(models.Model):
    """Where leads come from. `key_digest` is kept of its key, which itself lies sealed in `settings`, with the secret of signatures.

    `settings`: "key", "secret" (both sealed), "answer_minutes", "responsible", "outer" (what it stands for, where that is kept elsewhere). `rhythm_seconds` is the usual pause between two of its leads, learnt from them.
    `probed_at` is when a synthetic lead last came the whole way, `probe_failed_at` when one did not.
    """

    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=8, choices=SourceKind.choices)
    key_digest = models.CharField(max_length=64, unique=True)
    pipeline = models.ForeignKey("pipelines.Pipeline", models.SET_NULL, null=True, blank=True, related_name="+", db_index=False)
    settings = models.JSONField(default=dict)
    last_lead_at = models.DateTimeField(null=True, blank=True)
    rhythm_seconds = models.BigIntegerField(null=True, blank=True)
    probed_at = models.DateTimeField(null=True, blank=True)
    probe_failed_at = models.DateTimeField(null=True, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    created_by = models.BigIntegerField(null=True)

    class Meta:
        db_table = "lead_source"
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name


class LeadForm(models.Model):
    """A form of a source: `draft` is being edited, `published` is what people see, both with "fields" and "settings" (see `building`).

    `uid` is its public name. `consent_version` counts each other wording of the consent that was published.
    """

    uid = models.CharField(max_length=32, unique=True)
    source = models.OneToOneField(LeadSource, models.CASCADE, related_name="form")
    draft = models.JSONField(default=dict)
    published = models.JSONField(default=dict, blank=True)
    consent_version = models.PositiveIntegerField(default=0)
    version = models.PositiveIntegerField(default=1)
    published_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "lead_form"


class LeadRule(models.Model):
    """Who is to answer, asked in order until one says: `settings` as `routing` reads them. Without a source it is for all of them.

    `given` is whom the rule named last: for taking turns.
    """

    source = models.ForeignKey(LeadSource, models.CASCADE, null=True, blank=True, related_name="rules", db_index=False)
    kind = models.CharField(max_length=12)
    settings = models.JSONField(default=dict)
    order = models.PositiveIntegerField(default=0)
    given = models.BigIntegerField(null=True)

    class Meta:
        db_table = "lead_rule"
        ordering = ["order", "id"]


class LeadLine(models.Model):
    """A telephone line or extension of a source of calls, and whose it is. `line` as it was written, `key` as it is compared (`lines.key_of`)."""

    source = models.ForeignKey(LeadSource, models.CASCADE, related_name="lines", db_index=False)
    line = models.CharField(max_length=60)
    key = models.CharField(max_length=60)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.DO_NOTHING, related_name="+", db_index=False)

    class Meta:
        db_table = "lead_line"
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["source", "key"], name="lead_line_once")]

    def __str__(self) -> str:
        return self.line


class IncomingLead(models.Model):
    """One lead, as it came (`payload`, until it is read) and as it was read.

    `contents` holds "lead", "contacts", "companies" as given, "people" (the ids of its contacts, the main one first, once it was accepted with more than one), "fields" (what else was said, label and value), "files" and "consent"; `metadata` the
    source's marks: UTM, referrer, page, address. `keys` are those of duplicates (`people.reaching`). `read_at` is null until it was read. `due_at`
    is when it should be answered, `tried` are those it was given to and who did not take it. `probe`: synthetic, proves its source, never shown.
    """

    uid = models.CharField(max_length=32, unique=True)
    category = models.CharField(max_length=8, choices=Category.choices)
    source = models.ForeignKey(LeadSource, models.PROTECT, null=True, blank=True, related_name="leads", db_index=False)
    sender_key = models.CharField(max_length=100, blank=True)
    pipeline = models.ForeignKey("pipelines.Pipeline", models.SET_NULL, null=True, blank=True, related_name="+", db_index=False)
    state = models.CharField(max_length=8, choices=LeadState.choices, default=LeadState.WAITING)
    name = models.CharField(max_length=250, blank=True)
    message = models.TextField(blank=True)
    payload = models.JSONField(default=dict)
    contents = models.JSONField(default=dict)
    metadata = models.JSONField(default=dict)
    keys = ArrayField(models.TextField(), default=list, blank=True)
    responsible = models.ForeignKey(settings.AUTH_USER_MODEL, models.DO_NOTHING, null=True, blank=True, related_name="+", db_index=False)
    tried = ArrayField(models.BigIntegerField(), default=list, blank=True)
    received_at = models.DateTimeField(default=clock.now)
    read_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    taken_by = models.BigIntegerField(null=True, blank=True)
    deal_id = models.BigIntegerField(null=True, blank=True)
    contact_id = models.BigIntegerField(null=True, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    probe = models.BooleanField(default=False)

    class Meta:
        db_table = "incoming_lead"
        indexes = [
            models.Index(fields=["-received_at", "-id"], name="incoming_waits", condition=Q(state="waiting")),
            models.Index(fields=["id"], name="incoming_unread", condition=Q(read_at=None)),
            models.Index(fields=["-decided_at", "-id"], name="incoming_decided", condition=Q(decided_at__isnull=False)),
        ]
        constraints = [models.UniqueConstraint(fields=["source", "sender_key"], name="incoming_once", condition=~Q(sender_key=""))]

    def __str__(self) -> str:
        return self.name

    # Where it could not come in yet: sealed, until the workspace is open again (`billing.held`).
    held: bool = False
    # Whether this very delivery had been here before.
    repeated: bool = False

    def late(self, now: datetime) -> bool:
        """Whether its answer is overdue."""
        return self.state == LeadState.WAITING and self.due_at is not None and self.due_at < now

    def said(self, name: str) -> Any:
        """A part of what it holds."""
        return self.contents.get(name)
