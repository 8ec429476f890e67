"""Tags, fields and choices that an import added: they go with its undo unless a record still carries them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crm_core.groundwork.custom_fields import services as custom
from crm_core.groundwork.custom_fields.models import CustomField, FieldIndex
from crm_core.groundwork.custom_fields.models import Kind as FieldKind
from crm_core.groundwork.records import registry
from crm_core.groundwork.tags import services as tags
from crm_core.groundwork.tags.models import Tag
from crm_platform.kernel.permissions import Actor

from .traces import Trace, sweeps


def _living(entity: str) -> Any:
    return registry.find(entity).model.objects.filter(binned_at=None)


@sweeps("tag.added", entity="tag")
def unused_tags(actor: Actor, added: Sequence[Trace]) -> int:
    """Those that no record outside the bin carries."""
    present = Tag.objects.filter(pk__in=[trace.pk for trace in added])
    unused = [tag.pk for tag in present if not _living(tag.entity).filter(tag_ids__contains=[tag.pk]).exists()]
    return tags.remove(actor, unused)


def _holds(field: CustomField, **which: Any) -> bool:
    """Whether a record outside the bin has a value of the field."""
    if field.filterable and field.kind != FieldKind.OTHER:  # of those all values stand in the index
        found = FieldIndex.objects.filter(field=field, **which).values("record_id")
        return bool(_living(field.entity).filter(pk__in=found).exists())
    return bool(_living(field.entity).filter(custom__has_key=str(field.pk)).exists())


@sweeps("field.changed", entity="")
def unused_choices(actor: Actor, added: Sequence[Trace]) -> int:
    """Choices of lists: no longer offered."""
    wanted: dict[int, set[str]] = {}
    for trace in added:
        if trace.after.get("option"):
            wanted.setdefault(trace.pk, set()).add(str(trace.after["option"]).strip().casefold())
    gone = 0
    for field in CustomField.objects.filter(pk__in=list(wanted)):
        named = [option for option in field.options if option["label"].casefold() in wanted[field.pk] and not option.get("archived")]
        unused = [int(option["id"]) for option in named if not _holds(field, option=option["id"])]
        gone += custom.archive_options(actor, field.pk, unused)
    return gone


@sweeps("field.added", entity="field")
def unused_fields(actor: Actor, added: Sequence[Trace]) -> int:
    """Fields that no record fills: taken out of use."""
    unused = [field for field in CustomField.objects.filter(pk__in=[trace.pk for trace in added], archived_at=None) if not _holds(field)]
    for field in unused:
        custom.archive_field(actor, field.pk)
    return len(unused)
