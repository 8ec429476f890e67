"""Event rows in words: "who did what". Slices register sentences for events of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from crm_core.groundwork.custom_fields import services as custom
from crm_core.groundwork.records import registry
from crm_platform.events.models import Event
from crm_platform.integrations import directory as integrations
from crm_platform.ui.markup import fill

from .putting_back import fields_back


@dataclass(slots=True)
class Difference:
    """One field of a change: what stood there, what stands now, and whether it can be put back."""

    name: str
    label: str
    before: str
    after: str
    put_back: bool


@dataclass(slots=True)
class Entry:
    """One line of a timeline; `may_edit` says whether the reader may edit the record it is about."""

    event: Event
    icon: str
    sentence: SafeString
    tone: str = ""
    body: SafeString = field(default_factory=lambda: SafeString(""))
    note: bool = False
    differences: list[Difference] = field(default_factory=list)
    group: str = "changes"
    about: SafeString = field(default_factory=lambda: SafeString(""))
    acts: SafeString = field(default_factory=lambda: SafeString(""))
    may_edit: bool = False


Describer = Callable[[Event], Entry]
_describers: dict[str, Describer] = {}


def describes(*names: str) -> Callable[[Describer], Describer]:
    """Register how events of these names are told."""

    def keep(function: Describer) -> Describer:
        _describers.update(dict.fromkeys(names, function))
        return function

    return keep


# What the entries of a kind need that no event tells: asked once for a page, and laid into them.
Completer = Callable[[Sequence[Entry]], None]
_completers: dict[str, Completer] = {}


def completes(entity: str, function: Completer) -> None:
    """Register what completes the entries of a page that are of this entity."""
    _completers[entity] = function


def complete(entries: Sequence[Entry]) -> None:
    """Let those who registered complete the entries of a page."""
    for entity, function in _completers.items():
        mine = [entry for entry in entries if entry.event.entity == entity]
        if mine:
            function(mine)


def describe(event: Event) -> Entry:
    """The entry of an event; what nobody registered is told by its name."""
    function = _describers.get(event.name) or _by_verb.get(event.name.rpartition(".")[2], _unknown)
    return function(event)


def knows(name: str) -> bool:
    """Whether events of that name are told in words of their own, or as what befalls any record."""
    entity, _dot, verb = name.rpartition(".")
    return name in _describers or (verb in _by_verb and entity in registry.codes())


def actor(event: Event) -> SafeString:
    """Who, and through what."""
    if event.via:
        return fill("<b>{}</b> <span class=\"quiet\">({})</span>", event.actor_name, _means(event.via))
    return fill("<b>{}</b>", event.actor_name)


def _means(via: str) -> str:
    kind, _colon, number = via.partition(":")
    if kind == "integration":
        return _("integration %(name)s") % {"name": integrations.name_of(int(number))}
    if kind == "move":
        return _("moved in from amoCRM")
    return _("import %(number)s") % {"number": number} if kind == "import" else via


def _label(event: Event) -> str:
    try:
        return str(registry.find(event.entity).label).lower()
    except Exception:  # an entity that has no kind is named by its code
        return event.entity


def _created(event: Event) -> Entry:
    return Entry(event, "plus", fill(_("{who} made this {what}"), who=actor(event), what=_label(event)))


def _binned(event: Event) -> Entry:
    return Entry(event, "trash-2", fill(_("{who} moved it to the bin"), who=actor(event)), tone="warn")


def _restored(event: Event) -> Entry:
    return Entry(event, "undo-2", fill(_("{who} took it out of the bin"), who=actor(event)))


def _changed(event: Event) -> Entry:
    differences = differences_of(event)
    labels = ", ".join(difference.label for difference in differences)
    sentence = fill(_("{who} changed {fields}"), who=actor(event), fields=labels or _label(event))
    return Entry(event, "pencil", sentence, differences=differences)


def differences_of(event: Event) -> list[Difference]:
    """The fields of a change in words."""
    try:
        kind = registry.find(event.entity)
    except Exception:  # see _label
        return []
    found = []
    for name in dict.fromkeys((*event.before, *event.after)):
        if name == "custom":
            found.extend(_custom_differences(event))
            continue
        attribute = kind.attribute(name)
        if attribute is None:
            continue
        before, after = attribute.show(event.before.get(name)), attribute.show(event.after.get(name))
        found.append(Difference(name, str(attribute.label), before, after, bool(fields_back(event, kind, name))))
    return found


def _custom_differences(event: Event) -> list[Difference]:
    before, after = event.before.get("custom") or {}, event.after.get("custom") or {}
    fields = {str(one.pk): one for one in custom.fields_of(event.entity)}
    return [
        Difference(f"custom.{key}", fields[key].name, custom.shown(fields[key], before.get(key)), custom.shown(fields[key], after.get(key)), put_back=True)
        for key in dict.fromkeys((*before, *after))
        if key in fields and before.get(key) != after.get(key)
    ]


def _unknown(event: Event) -> Entry:
    return Entry(event, "activity", fill("{} <span class=\"quiet\">{}</span>", actor(event), event.name))


_by_verb: dict[str, Any] = {"created": _created, "binned": _binned, "restored": _restored, "changed": _changed}
