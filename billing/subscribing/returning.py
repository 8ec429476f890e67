"""Back after the provider had given up: who pays the old bill begins a new period on that day, as by transfer; the time in between, in which nothing could be done, is not charged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from billing.models import BillingAccount, MoneyEntry, PendingChange
from billing.plans import FREE
from billing.providers import calling
from billing.providers.applying import ANEW
from billing.providers.registry import provider_for
from crm_platform.db import sides
from crm_platform.kernel.workspace import Place

from .accounts import held
from .acts import Doing, by_itself, waiting


def begin_due(*, most: int = 50) -> int:
    """Periods that are to begin (`applying` noted them): begun and billed, the drafts of the time in between voided. Returns how many. Opens units of its own, asks providers."""
    with sides.control_unit():
        rows = PendingChange.objects.select_related("subscription__workspace").filter(kind=ANEW, state="waiting").order_by("?")  # who fails each time keeps nobody else waiting
        found = [(row.pk, row.subscription.workspace.place) for row in rows[:most]]
    return sum(_begin(pk, place) for pk, place in found)


def begin(place: Place) -> None:
    """The same for one workspace, whose bill was paid just now."""
    with sides.control_unit():
        row = waiting(held(place), ANEW)
    if row is not None:
        _begin(row.pk, place)


def _begin(pk: int, place: Place) -> bool:
    def work(under: Doing) -> None:
        account, subscription = under.held.account, under.held.subscription.external_id
        calling.once(f"anew.{pk}", "come_back", {}, lambda key: provider_for(account).come_back(subscription, anew=True, key=key), account=account)
        with sides.control_unit():
            PendingChange.objects.filter(pk=pk).update(state="applied")

    return by_itself(pk, place, "plan.begun_anew", operation=f"anew.{pk}", work=work)


def lost(account: BillingAccount) -> Mapping[str, Any] | None:
    """What was had when the provider ended it for want of payment, where its bill was paid only afterwards: plan, seats, interval. None where that is not how it ended. Inside a control unit."""
    last = MoneyEntry.objects.filter(account=account, name="subscription.changed").order_by("-pk").first()
    if last is None or not last.before.get("past_due_since") or str(last.after.get("plan", "")).partition(":")[0] != FREE or not last.before.get("plan"):
        return None
    return {"plan": str(last.before["plan"]).partition(":")[0], "seats": last.before.get("seats", 1), "interval": last.before.get("interval", "month")}
