"""Filling a workspace with marked examples, and taking them off: what somebody has worked with since is nobody's example any more, and stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _

from crm_core.engagement.tasks import services as tasks
from crm_core.engagement.tasks.models import Task
from crm_core.groundwork.imports.traces import touched_later
from crm_core.groundwork.records import registry, writing
from crm_core.groundwork.tags import services as tags
from crm_core.people.contacts import services as contacts
from crm_core.people.contacts.models import Contact
from crm_core.sales.deals import services as deals
from crm_core.sales.deals.models import Deal
from crm_core.sales.pipelines import queries as pipelines
from crm_core.sales.pipelines.models import Pipeline
from crm_platform.accounts.roles import SETTINGS
from crm_platform.events.backbone import emit
from crm_platform.events.models import Event
from crm_platform.kernel import clock, preferences
from crm_platform.kernel.errors import Conflict
from crm_platform.kernel.permissions import Actor, require

from . import invented
from .invented import MARK

# How the event rows of examples are known: not by a person's own hand.
VIA = "examples"
_MODELS: dict[str, Any] = {"deal": Deal, "contact": Contact}


@dataclass(frozen=True, slots=True)
class TakenOff:
    """How many went, and how many stay because somebody worked with them."""

    gone: int
    kept: int


class ExamplesStand(Conflict):
    """One set of examples is enough."""

    code = "examples_stand"
    sentence = _("Nothing was added: examples stand here already. Take them off first.")


class NoExamples(Conflict):
    """There is nothing to take off."""

    code = "no_examples"
    sentence = _("There are no examples here.")


def standing() -> int:
    """How many examples there are, those that somebody has worked with included."""
    return sum(_present(entity).count() for entity in _MODELS)


def fill(actor: Actor) -> int:
    """Thirty contacts and twenty deals with their next steps; they count as any others do. Returns how many. Raises Forbidden, ExamplesStand, PlanRefusal (then nothing is added)."""
    require(actor, SETTINGS.right("edit"))
    pipeline = _hold()
    if standing():
        raise ExamplesStand
    firm, by = preferences.here(), replace(actor, via=VIA)
    with translation.override(firm.language):
        people = contacts.create_contacts(by, list(invented.contacts(firm.language, tag_ids=_tag("contact", by))))
        rows = list(invented.deals(pipeline, people, currency=firm.currency, tag_ids=_tag("deal", by)))
        made = deals.create_deals(by, rows)
        _promise(by, [deal for deal in made if deal.state == "open"])
    emit(actor, "examples.filled", entity="workspace", record_id=None, after={"created": len(people) + len(made)})
    return len(people) + len(made)


def take_off(actor: Actor) -> TakenOff:
    """Put every example that nobody has worked with into the bin, with its tasks. Raises Forbidden, NoExamples."""
    require(actor, SETTINGS.right("edit"))
    _hold()
    by, gone, kept = replace(actor, via=VIA), 0, 0
    for entity in _MODELS:
        present = list(_present(entity).values_list("pk", flat=True))
        touched = touched_later(entity, present, without=[VIA])
        free = [pk for pk in present if pk not in touched]
        if free:
            _bin(by, entity, free)
        gone, kept = gone + len(free), kept + len(touched)
        tags.remove(by, _spare_tags(entity))
    if not gone and not kept:
        raise NoExamples
    emit(actor, "examples.taken_off", entity="workspace", record_id=None, after={"deleted": gone, "kept": kept})
    return TakenOff(gone, kept)


def _present(entity: str) -> Any:
    return _MODELS[entity].objects.filter(external_id__startswith=MARK, binned_at=None)


def _hold() -> Pipeline:
    """The pipeline examples go into, locked: whoever presses twice waits, and finds them there."""
    return Pipeline.objects.select_for_update().get(pk=pipelines.first().pk)


def _tag(entity: str, by: Actor) -> list[int]:
    return tags.ids_of(entity, [str(invented.TAG)], by=by)


def _spare_tags(entity: str) -> list[int]:
    """The tags that filling made and nothing outside the bin carries any more; one that the firm had before is its own."""
    made = Event.objects.filter(via=VIA, name="tag.added", record_id__in=list(tags.tags_of(entity))).values_list("record_id", flat=True)
    return [pk for pk in made if pk is not None and not _MODELS[entity].objects.filter(tag_ids__contains=[pk], binned_at=None).exists()]


def _promise(by: Actor, open_deals: Sequence[Deal]) -> None:
    today = timezone.localdate(clock.now())
    for at, deal in enumerate(open_deals[::2]):
        text, kind, days = invented.TASKS[at % len(invented.TASKS)]
        tasks.add(by, text=str(text), type=kind, due_at=tasks.end_of_day(today + timedelta(days=days)), all_day=True, entity="deal", record_id=deal.pk)


def _bin(by: Actor, entity: str, pks: list[int]) -> None:
    for task in Task.objects.filter(entity=entity, record_id__in=pks, binned_at=None).values_list("pk", flat=True):
        tasks.remove(by, task)
    writing.put_in_bin(by, registry.find(entity), pks)
