"""Putting back: a field gets the value it had before a change."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from crm_core.groundwork.records import registry, writing
from crm_platform.events.models import Event
from crm_platform.kernel.errors import Conflict, NotFound
from crm_platform.kernel.permissions import Actor


class CannotPutBack(Conflict):
    """This field of this change cannot be put back by itself."""

    code = "cannot_put_back"
    sentence = _("This cannot be put back by itself. Change it by hand; its earlier value stands in the journal.")


def put_back(actor: Actor, *, event_id: int, name: str) -> Any:
    """Give the field `name` the value it had before the event; the record must be the actor's to edit."""
    event = Event.objects.filter(pk=event_id).first()
    if event is None:
        raise NotFound
    kind = registry.find(event.entity)
    if name.startswith("custom."):
        key = name.removeprefix("custom.")
        values: dict[str, Any] = {"custom": {key: (event.before.get("custom") or {}).get(key)}}
    else:
        attribute = kind.attribute(name)
        if attribute is None or not attribute.put_back or name not in event.before:
            raise CannotPutBack
        values = {name: stored(kind, name, event.before[name])}
    return writing.change(actor, kind, int(event.record_id or 0), values)


def stored(kind: registry.Kind, name: str, value: Any) -> Any:
    """A value of history as the model takes it: dates and figures out of their text."""
    columns = {column.attname: column for column in kind.model._meta.concrete_fields}
    return columns[name].to_python(value) if name in columns else value
