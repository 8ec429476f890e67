"""How deals stand in the timeline."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from crm_core.groundwork.timeline.describing import Entry, actor, completes, describes, differences_of
from crm_core.groundwork.timeline.putting_back import rule
from crm_core.sales.deals import queries
from crm_core.sales.pipelines import queries as pipelines
from crm_core.sales.pipelines.models import StageKind
from crm_platform.events.models import Event
from crm_platform.kernel import money
from crm_platform.ui.markup import fill


def _in_their_currency(entries: Sequence[Entry]) -> None:
    """Sums are kept in minor units: of a deal in yen they are whole ones."""
    each = [(entry.event, one) for entry in entries for one in entry.differences if one.name == "sum_minor"]
    currencies = queries.currencies_of(event.record_id for event, _one in each)
    for event, one in each:
        currency = currencies.get(event.record_id or 0, "")
        one.before, one.after = (
            "" if (value := side.get("sum_minor")) is None else str(money.major(value, currency=side.get("currency") or currency)) for side in (event.before, event.after)
        )


completes("deal", _in_their_currency)


def _stood_well(event: Event) -> bool:
    """Whether a deal may stand where it stood before: the stage is there, and a lost one has its reason."""
    stage = pipelines.everything().stages.get(event.before.get("stage_id") or 0)
    return stage is not None and (stage.kind != StageKind.LOST or bool(event.before.get("lost_reason_id")))


# A loss goes back whole: its stage, its reason, its comment; the comment alone says nothing of an open deal.
rule("deal", "stage_id", along=("lost_reason_id", "lost_comment"), possible=_stood_well)
rule("deal", "lost_comment", possible=lambda event: "stage_id" not in event.before and "stage_id" not in event.after)


def _dot(pk: int | None) -> SafeString:
    stage = pipelines.everything().stages.get(pk or 0)
    return fill('<span class="stage-dot" data-hue="{}">{}</span>', stage.hue, stage.name) if stage else fill("–")


@describes("deal.moved", "deal.won", "deal.lost")
def moved(event: Event) -> Entry:
    """From where to where; the reason of a loss."""
    before, after = _dot(event.before.get("stage_id")), _dot(event.after.get("stage_id"))
    sentence = fill(_("{who} moved it from {before} to {after}"), who=actor(event), before=before, after=after)
    icons = {"deal.won": ("trophy", "good"), "deal.lost": ("thumbs-down", "bad")}
    icon, tone = icons.get(event.name, ("arrow-right-left", ""))
    hidden = {"closed_at", "state", "rank", "stage_since", "lost_from"}
    return Entry(event, icon, sentence, tone=tone, differences=[one for one in differences_of(event) if one.name not in hidden])


@describes("deal.exported", "contact.exported", "company.exported", "product.exported")
def exported(event: Event) -> Entry:
    """Data left the house."""
    return Entry(event, "download", fill(_("{who} exported a list as {form}"), who=actor(event), form=str(event.after.get("format", "")).upper()))
