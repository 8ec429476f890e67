"""Fields that a firm adds, and the narrow table that answers questions about their values."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from crm_platform.kernel import clock


class Kind(models.TextChoices):
    """What a field holds."""

    TEXT = "text", _("Text")
    NUMBER = "number", _("Number")
    MONEY = "money", _("Money")
    DATE = "date", _("Date")
    LIST = "list", _("List")
    MULTI = "multi", _("List, several choices")
    CHECKBOX = "checkbox", _("Checkbox")
    LINK = "link", _("Link")
    # What comes by the open API alone, and that only programs understand: kept as it was sent.
    OTHER = "other", _("Of another program")


# What the open API says of a field of moments, and what people call it.
MOMENTS, MOMENT_LABEL = {"type": "date_time"}, _("Date and time")


class CustomField(models.Model):
    """A field of an entity ("contact", "company", "deal", "product").

    `options` of lists: [{"id": 1, "label": "…", "hue": 3, "archived": false}], ids never reused.
    `filterable` fields also stand in FieldIndex. An archived field keeps its values for 30 days and longer.
    `wire` is what the open API says of it beyond that ("type", "code" and the like). A field of moments is of the kind
    OTHER with the API's type for them, and its value [{"value": Unix seconds}]: so it was before people could fill it in.
    """

    entity = models.CharField(max_length=20)
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    options = models.JSONField(default=list, blank=True)
    hint = models.CharField(max_length=300, blank=True)
    required = models.BooleanField(default=False)
    filterable = models.BooleanField(default=True)
    order = models.PositiveIntegerField(default=0)
    wire = models.JSONField(default=dict, blank=True, db_default={})
    created_at = models.DateTimeField(default=clock.now)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "custom_field"
        ordering = ["order", "id"]

    @property
    def holds_moments(self) -> bool:
        """Whether its values are a date with a time."""
        return self.kind == Kind.OTHER and self.wire.get("type") == MOMENTS["type"]

    @property
    def for_programs(self) -> bool:
        """Whether only programs write it, and nobody is asked for it."""
        return self.kind == Kind.OTHER and not self.holds_moments

    @property
    def holds(self) -> str:
        """What it holds, in words."""
        return str(MOMENT_LABEL if self.holds_moments else self.get_kind_display())


class FieldIndex(models.Model):
    """One value of one filterable field of one record (several rows for several choices); no DDL at run time, ever. Of a moment `num` has the Unix seconds."""

    field = models.ForeignKey(CustomField, models.CASCADE, related_name="+", db_index=False)
    record_id = models.BigIntegerField()
    num = models.DecimalField(max_digits=24, decimal_places=6, null=True)
    text = models.CharField(max_length=200, null=True)  # noqa: DJ001 (no value is not the empty text)
    at = models.DateField(null=True)
    option = models.IntegerField(null=True)

    class Meta:
        db_table = "field_index"
        indexes = [
            models.Index(fields=["field", "num", "record_id"], name="field_index_num", condition=models.Q(num__isnull=False)),
            models.Index(fields=["field", "text", "record_id"], name="field_index_text", condition=models.Q(text__isnull=False)),
            models.Index(fields=["field", "at", "record_id"], name="field_index_at", condition=models.Q(at__isnull=False)),
            models.Index(fields=["field", "option", "record_id"], name="field_index_option", condition=models.Q(option__isnull=False)),
            models.Index(fields=["record_id", "field"], name="field_index_record"),
        ]
