"""States, changes and bills in words."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.template.loader import render_to_string
from django.utils.formats import date_format
from django.utils.safestring import SafeString, mark_safe
from django.utils.timezone import get_current_timezone_name, localtime
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from billing import plans, wording
from billing.documents.models import Invoice
from billing.metering.answering import amount, label
from billing.models import PendingChange
from billing.pricing import Quote
from billing.providers.protocol import Target
from billing.subscribing import targets
from billing.subscribing.overview import Compared
from crm_platform.kernel import gates, workspace
from crm_platform.kernel.money import major, show
from crm_platform.ui.markup import figure
from tenants.lifecycle.billing_state import BillingState, Standing

from .reading import UNPAID, Overview

TONES = {
    BillingState.TRIAL: "note", BillingState.ACTIVE: "good", BillingState.OVER_LIMIT: "warn", BillingState.PAST_DUE: "warn", BillingState.LIMITED: "bad",
    BillingState.FROZEN: "bad", BillingState.DELETE_SCHEDULED: "bad", BillingState.DELETED: "bad",
}  # fmt: skip


def day(moment: Any) -> str:
    """A day as it is written in a sentence."""
    return date_format(moment, "j E Y") if moment is not None else ""


def state_name(seen: Overview) -> str:
    """The state in one or two words."""
    if seen.standing.paused:
        return _("Paused")
    if seen.standing.state == BillingState.ACTIVE and not seen.had.live:
        return _("Free")
    if seen.standing.state == BillingState.ACTIVE and seen.row.cancel_at is not None:
        return _("Cancelled")
    if seen.standing.state == BillingState.ACTIVE and on_its_way(seen):
        return _("To be paid")
    return {
        BillingState.TRIAL: _("Trial"), BillingState.ACTIVE: _("Paid"), BillingState.OVER_LIMIT: _("Over a limit"), BillingState.PAST_DUE: _("A bill is open"),
        BillingState.LIMITED: _("Reading only"), BillingState.FROZEN: _("Frozen"), BillingState.DELETE_SCHEDULED: _("Before erasure"), BillingState.DELETED: _("Erased"),
    }[seen.standing.state]  # fmt: skip


def tone(seen: Overview) -> str:
    """The tone of the state's badge."""
    return "warn" if seen.standing.state == BillingState.ACTIVE and on_its_way(seen) else TONES[seen.standing.state]


def state_sentence(seen: Overview) -> str:
    """What the state means, and what comes next by itself."""
    row, stands = seen.row, seen.standing
    if stands.state in (BillingState.ACTIVE, BillingState.OVER_LIMIT) and row.cancel_at is not None and seen.had.live:
        return _("Cancelled. Everything works until %(day)s, then the workspace is on Free; nothing is deleted.") % {"day": day(row.cancel_at)}
    if stands.paused:
        return _("Paused until %(day)s: nothing is charged, everything can be read and exported, the price is kept.") % {"day": day(row.paused_until)}
    return _SENTENCES[stands.state](seen, stands)


def _active(seen: Overview, _stands: Standing) -> str:
    if not seen.had.live:
        return _("Free costs nothing, for good. A larger plan takes more people and more of everything.")
    if (bill := on_its_way(seen)) and bill.due_at:
        return _("Everything works while your transfer is on its way. It is waited for until %(day)s.") % {"day": day(bill.due_at)}
    if row_end := seen.row.period_end:
        return _("Everything works. The next bill comes on %(day)s.") % {"day": day(row_end)}
    return _("Everything works.")


_SENTENCES: dict[BillingState, Callable[[Overview, Standing], str]] = {
    BillingState.TRIAL: lambda _seen, stands: _("You have everything of Business until %(day)s. Choose nothing, and on that day you are on Free; every card stays.") % {"day": day(stands.changes_at)},
    BillingState.ACTIVE: _active,
    BillingState.OVER_LIMIT: lambda _seen, _stands: _("There is more than the plan holds: %(what)s. All of it stays; only adding waits, or a larger plan takes it.") % {"what": "; ".join(over_now())},
    BillingState.PAST_DUE: lambda _seen, stands: _("A bill is open. Everything works until %(day)s; from then on until it is paid the workspace can be read and exported.") % {"day": day(stands.changes_at)},
    BillingState.LIMITED: lambda _seen, stands: _("A bill is open. Everything can be read and exported, leads are taken; once it is paid, all opens at once. On %(day)s only owners will come in.") % {"day": day(stands.changes_at)},
    BillingState.FROZEN: lambda _seen, stands: _("A bill has been open for long. Owners come in to export and to pay; once it is paid, all is as it was. On %(day)s the last thirty days begin.") % {"day": day(stands.changes_at)},
    BillingState.DELETE_SCHEDULED: lambda _seen, stands: _("On %(day)s the workspace is erased, unless the bill is paid before. Owners can export everything until then.") % {"day": day(stands.changes_at)},
    BillingState.DELETED: lambda _seen, _stands: _("The workspace is erased."),
}  # fmt: skip


_DECLINED = {
    "insufficient_funds": gettext_lazy("there is not enough money on it"), "expired_card": gettext_lazy("the card has expired"),
    "lost_card": gettext_lazy("the bank no longer accepts this card"), "stolen_card": gettext_lazy("the bank no longer accepts this card"),
}  # fmt: skip


def declined(code: str) -> str:
    """Why a card was refused, as people say it; the provider's own words are codes."""
    return str(_DECLINED.get(code, _("the bank refused it without saying why")))


def target_told(target: Target) -> str:
    """A choice in one line: "Team, 5 seats, paid yearly"."""
    values = {"plan": wording.name_of(target.plan), "seats": figure(target.seats)}
    if target.interval == "year":
        return _("%(plan)s, seats: %(seats)s, paid yearly") % values
    return _("%(plan)s, seats: %(seats)s, paid monthly") % values


def waiting_told(change: PendingChange) -> str:
    """What waits, and when it comes."""
    return _("On %(day)s: %(what)s.") % {"day": day(change.effective_at), "what": target_told(targets.read(change.target))}


def bill_rows(quote: Quote) -> dict[str, Any]:
    """A quote as a table of lines with its sum."""
    return {"lines": wording.lines(quote), "discount": -quote.discount, "tax": quote.tax, "total": quote.total, "currency": quote.currency}


def year(bills: tuple[tuple[datetime, int], ...], currency: str) -> SafeString:
    """The bills of a year as a figure and as a table; nothing where none is to come."""
    return _year(bills, currency, get_language(), get_current_timezone_name(), workspace.prefix()) if bills else SafeString()


@lru_cache(maxsize=500)
def _year(bills: tuple[tuple[datetime, int], ...], currency: str, _language: str | None, _time_zone: str, _workspace: str) -> SafeString:
    """Drawn of nothing but what it is given: from visit to visit it stays the same."""
    data = {"labels": [date_format(localtime(at), "M Y") for at, _minor in bills], "values": [float(major(minor, currency=currency)) for _at, minor in bills]}
    chart = mark_safe(json.dumps(data).replace("<", "\\u003c"))  # noqa: S308 (escaped)
    return render_to_string("desk/_year.html", {"coming": bills, "chart": chart, "year": sum(minor for _at, minor in bills), "currency": currency})


def plan_name(seen: Overview) -> str:
    """The plan as people read it."""
    return str(plans.NAMES.get(seen.on, seen.on))


def ceiling_told(seen: Overview) -> str:
    """The ceiling that the firm set itself."""
    minor = seen.had.account.spending_ceiling_minor
    return "" if minor is None else show(minor, currency=seen.currency)


def freezes(one: Compared) -> list[str]:
    """What would freeze on a plan: people without a seat, what there is more of than it holds, modules that it has not."""
    found = [ngettext("%(n)s person without a seat", "%(n)s people without a seat", one.unseated) % {"n": figure(one.unseated)}] if one.unseated else []
    found += [
        _("%(what)s: %(used)s of %(limit)s") % {"what": label(over.metric), "used": amount(over.metric, over.used), "limit": amount(over.metric, over.limit)} for over in one.over if label(over.metric)
    ]  # fmt: skip
    return found + [_("%(module)s: not in the plan") % {"module": wording.name_of(module)} for module in one.lost]


def over_now() -> list[str]:
    """Of what there is more than the plan of now holds. Inside a unit of the workspace."""
    found = [(one, one.limit) for one in gates.overview().values() if one.limit is not None and one.used > one.limit]
    return [_("%(what)s: %(used)s of %(limit)s") % {"what": label(one.metric), "used": amount(one.metric, one.used), "limit": amount(one.metric, limit)} for one, limit in found]


def on_its_way(seen: Overview) -> Invoice | None:
    """The bill of the present period that is to be transferred, where there is one: the plan works before the money has come."""
    began = seen.row.period_start
    return next((one for one in seen.to_transfer if began is not None and one.period_start is not None and one.period_start <= began), None)


def owed(seen: Overview) -> dict[str, Any] | None:
    """The bills that are open where the workspace is unpaid, and what they come to."""
    if seen.standing.state not in UNPAID or seen.standing.paused or not seen.open_bills:
        return None
    return {"bills": seen.open_bills, "sum": sum(one.due_minor for one in seen.open_bills), "currency": seen.open_bills[0].currency}
