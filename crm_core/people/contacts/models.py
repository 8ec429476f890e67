"""Contacts and where they work."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q

from crm_core.groundwork.records.models import Record


class Contact(Record):
    """A person one speaks with.

    `phones`: [{"number": "+31205550188", "kind": "work", "note": ""}], E.164 where it could be read, else as typed.
    `emails`: [{"address": "…", "kind": "work"}]. `messengers`: [{"service": "telegram", "name": "…"}].
    `addresses`: [{"kind": "work", "street": "", "city": "", "region": "", "zip": "", "country": ""}].
    `keys`: what duplicates are found by: "p:<digits>", "e:<folded address>", under GIN.
    """

    first_name = models.CharField(max_length=120, blank=True)
    last_name = models.CharField(max_length=120, blank=True)
    name = models.CharField(max_length=250)
    position = models.CharField(max_length=200, blank=True)
    phones = models.JSONField(default=list, blank=True)
    emails = models.JSONField(default=list, blank=True)
    messengers = models.JSONField(default=list, blank=True)
    addresses = models.JSONField(default=list, blank=True)
    site = models.CharField(max_length=300, blank=True)
    birthday = models.DateField(null=True, blank=True)
    keys = ArrayField(models.TextField(), default=list, blank=True)

    class Meta:
        db_table = "contact"
        indexes = [
            models.Index(fields=["sort_key", "id"], name="contact_by_name", condition=Q(binned_at=None)),
            models.Index(fields=["responsible", "sort_key"], name="contact_by_responsible", condition=Q(binned_at=None)),
            models.Index(fields=["-created_at", "-id"], name="contact_by_age", condition=Q(binned_at=None)),
            models.Index(fields=["external_id"], name="contact_by_external_id", condition=~Q(external_id="")),
            models.Index(fields=["binned_at"], name="contact_binned", condition=Q(binned_at__isnull=False)),
            GinIndex(fields=["keys"], name="contact_keys", fastupdate=False),
            GinIndex(fields=["tag_ids"], name="contact_tags", fastupdate=False),
        ]

    def __str__(self) -> str:
        return self.name


class Employment(models.Model):
    """That a contact works for a company, in a role; one of a contact's companies is the main one."""

    contact = models.ForeignKey(Contact, models.CASCADE, related_name="employments", db_index=False)
    company = models.ForeignKey("companies.Company", models.CASCADE, related_name="employments")
    role = models.CharField(max_length=200, blank=True)
    main = models.BooleanField(default=False)

    class Meta:
        db_table = "employment"
        constraints = [
            models.UniqueConstraint(fields=["contact", "company"], name="employment_once"),
            models.UniqueConstraint(fields=["contact"], name="employment_one_main", condition=Q(main=True)),
        ]
