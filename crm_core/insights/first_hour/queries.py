"""How far a firm came in its first hour: each step is derived from what there is, not from what was clicked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm_core.engagement.tasks.models import Task
from crm_core.groundwork.imports.models import ImportRun, Stage
from crm_core.insights.examples.invented import MARK
from crm_core.sales.deals.models import Deal
from crm_core.sales.deals.permissions import DEALS
from crm_core.sales.pipelines import queries as pipelines
from crm_platform.accounts import directory
from crm_platform.accounts.models import Access
from crm_platform.accounts.roles import PEOPLE, SETTINGS
from crm_platform.kernel import gates, preferences
from crm_platform.kernel.permissions import Actor, may
from crm_platform.ui.markup import figure

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

# Examples are not the firm's own work: they tick nothing off.
_EXAMPLES = Deal.objects.filter(external_id__startswith=MARK).values("pk")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do: `act` is the word on the way to the place where it is done; without `url` something else comes first."""

    code: str
    name: str | _StrPromise
    done: bool
    hint: str = ""
    url: str = ""
    act: str = ""


@dataclass(frozen=True, slots=True)
class Hour:
    """The list as it stands."""

    steps: list[Step]

    @property
    def most(self) -> int:
        """How many steps there are."""
        return len(self.steps)

    @property
    def done(self) -> int:
        """How many are done."""
        return sum(step.done for step in self.steps)

    @property
    def following(self) -> Step | None:
        """The first that is not done."""
        return next((step for step in self.steps if not step.done), None)


def for_whom(actor: Actor) -> bool:
    """Whether a person may do the steps, all of them: owners and administrators, and whom a firm gave the same."""
    return may(actor, SETTINGS.right("edit")) and may(actor, PEOPLE.right("edit")) and may(actor, DEALS.CREATE)


def hour(*, add_url: str = "") -> Hour:
    """The steps in order; `add_url` leads to where a deal is added, if that is on the page already. Four statements at most."""
    deal = Deal.objects.filter(binned_at=None).exclude(external_id__startswith=MARK).order_by("-id").values_list("id", flat=True).first()
    return Hour([_firm(), _pipeline(), _deal(deal, add_url), _list(), _next(deal), _colleagues()])


def _firm() -> Step:
    return Step("firm", _("Name the firm"), bool(preferences.here().firm.strip()), _("its name stands on every page"), reverse("firm"), _("Name it"))


def _pipeline() -> Step:
    return Step("pipeline", _("Stand in a pipeline"), bool(pipelines.active()), _("the stages your deals go through"), reverse("pipelines"), _("Make"))


def _deal(deal: int | None, add_url: str) -> Step:
    return Step("deal", _("Add the first deal"), deal is not None, _("half a minute"), add_url or reverse("deals-new"), _("Add"))


def _list() -> Step:
    done = ImportRun.objects.filter(stage=Stage.DONE).exists()
    return Step("list", _("Bring your list"), done, _("CSV, Excel or address book; can be undone"), reverse("imports"), _("Import"))


def _next(deal: int | None) -> Step:
    done = deal is not None and Task.objects.filter(entity="deal", binned_at=None).exclude(record_id__in=_EXAMPLES).exists()
    return Step("next", _("Say what is next"), done, _("one task on the deal"), reverse("deal", args=[deal]) if deal else "", _("Plan it"))


def _colleagues() -> Step:
    done = sum(person.access in (Access.INVITED, Access.ACTIVE) for person in directory.everyone().values()) > 1
    return Step("colleagues", _("Invite colleagues"), done, "" if done else _seats(), reverse("people-invite"), _("Invite"))


def _seats() -> str:
    seats = gates.usage("users")
    if seats.limit is None:
        return _("as many seats as you need")
    free = max(0, seats.limit - seats.used)
    if not free:
        return _("no seat of the plan is free")
    return ngettext("%(n)s seat is free", "%(n)s seats are free", free) % {"n": figure(free)}
