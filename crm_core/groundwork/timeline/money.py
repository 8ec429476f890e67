"""What the journal says of the plan, its seats and its bills."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy

from billing.plans import NAMES
from crm_platform.events.models import Event
from crm_platform.ui.markup import fill

from .describing import Entry, actor, describes

_TOLD: dict[str, tuple[str, Any]] = {
    "plan.checkout_begun": ("gauge", gettext_lazy("{who} went to pay for the plan {plan}, seats: {seats}")),
    "plan.change_made": ("gauge", gettext_lazy("{who} changed the plan to {plan}, seats: {seats}")),
    "plan.change_waits": ("gauge", gettext_lazy("{who} chose for the next period: {plan}, seats: {seats}")),
    "plan.change_taken_back": ("undo-2", gettext_lazy("{who} took back a change of the plan")),
    "plan.cancelled": ("x", gettext_lazy("{who} cancelled the plan")),
    "plan.resumed": ("undo-2", gettext_lazy("{who} kept the plan after all")),
    "plan.paused": ("clock", gettext_lazy("{who} paused the plan until {until}")),
    "plan.unpaused": ("undo-2", gettext_lazy("{who} ended the pause of the plan")),
    "plan.begun_anew": ("clock", gettext_lazy("The old bill is paid: a new period of the plan began, and the time in between is not charged")),
    "payment.promised": ("clock", gettext_lazy("{who} promised a payment: full work until {until}")),
    "coupon.redeemed": ("gauge", gettext_lazy("{who} used the promo code {code}")),
    "seats.added": ("user-plus", gettext_lazy("{who} added seats: now {seats}")),
    "seats.removed": ("users", gettext_lazy("{who} gave seats back: now {seats}")),
    "seats.pending": ("clock", gettext_lazy("{who} added seats that wait for their payment until {until}")),
    "seats.chosen": ("users", gettext_lazy("{who} chose who keeps a seat")),
    "seats.occasional": ("users", gettext_lazy("{who} set the ceiling of occasional seats to {days} active days a month")),
    "seats.days_billed": ("users", gettext_lazy("The last days of seats by the day came on a bill of their own: {days}")),
    "bill.untaxed": ("gauge", gettext_lazy("The VAT number was verified: the tax on invoice {number} came back as credit")),
    "lead.released": ("inbox", gettext_lazy("An enquiry that waited for the plan to be paid came in")),
    "seat.asked": ("user", gettext_lazy("{who} asked to be let in")),
    "seat.let_in": ("check", gettext_lazy("{who} let {name} in for a day")),
    "seat.refused": ("x", gettext_lazy("{who} did not let {name} in")),
    "seat.changed": ("user", gettext_lazy("{who} changed the kind of seat of {name}")),
}
_FACTS = ("seats", "until", "code", "days", "name", "number")


@describes(*_TOLD)
def told(event: Event) -> Entry:
    """One line of the table; plans by their names."""
    icon, sentence = _TOLD[event.name]
    plan = event.after.get("plan", "–")
    facts = {name: event.after.get(name, "–") for name in _FACTS}
    return Entry(event, icon, fill(str(sentence), who=actor(event), plan=str(NAMES.get(plan, plan)), **facts))
