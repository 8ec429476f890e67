"""Putting back: a field gets the value it had before a change."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from crm_core.groundwork.records import registry, writing
from crm_platform.events.models import Event
from crm_platform.kernel.errors import Conflict, NotFound
from crm_platform.kernel.permissions import Actor

from .putting_back import fields_back


class CannotPutBack(Conflict):
    """This field of this change cannot be put back by itself."""

    code = "cannot_put_back"
    sentence = _("This cannot be put back by itself. Change it by hand; its earlier value stands in the journal.")


class StandsAlready(Conflict):
    """There is nothing to do."""

    code = "stands_already"
    sentence = _("The field holds that value already. Nothing was changed.")


def put_back(actor: Actor, *, event_id: int, name: str) -> Any:
    """Give the field `name`, and what goes with it, the value of before the event; the record must be the actor's to edit. Raises CannotPutBack, StandsAlready."""
    event = Event.objects.filter(pk=event_id).first()
    if event is None:
        raise NotFound
    kind = registry.find(event.entity)
    if name.startswith("custom."):
        key = name.removeprefix("custom.")
        values: dict[str, Any] = {"custom": {key: (event.before.get("custom") or {}).get(key)}}
    else:
        values = {field: stored(kind, field, event.before[field]) for field in fields_back(event, kind, name)}
        if not values or not _is_there(kind, name, values[name]):
            raise CannotPutBack
    record = writing.get(actor, kind, event.record_id or 0, right="edit", lock=True)
    if not writing.change_locked(actor, kind, record, values):
        raise StandsAlready
    return record


def _is_there(kind: registry.Kind, name: str, value: Any) -> bool:
    """Whether what a field pointed to (a stage, a company, a person) is still there."""
    target = next((column.remote_field.model for column in kind.model._meta.concrete_fields if column.attname == name and column.remote_field), None)
    return target is None or value is None or target.objects.filter(pk=value).exists()


def stored(kind: registry.Kind, name: str, value: Any) -> Any:
    """A value of history as the model takes it: dates and figures out of their text."""
    columns = {column.attname: column for column in kind.model._meta.concrete_fields}
    return columns[name].to_python(value) if name in columns else value
