"""Which of an account's subscriptions counts, and what it is in our words. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from billing.pricing import references

from .protocol import InvoiceSeen, SubscriptionSeen, Target

# In the order in which they count; what is not here is a word we do not know, which counts after all that live and changes nothing.
_RANKS = {"active": 0, "trialing": 0, "past_due": 1, "paused": 2, "unpaid": 3, "incomplete": 5, "canceled": 6}
_UNKNOWN = 4
LIVE = frozenset({"active", "trialing", "past_due", "paused", "unpaid"})
UNPAID = frozenset({"past_due", "unpaid"})
_REF = re.compile(r"(plan|addon):([a-z0-9_]+):([0-9]+)(?::seats)?\Z")


@dataclass(frozen=True, slots=True)
class Sold:
    """What a subscription holds: the plan's code and version, its seats, the add-ons by "code:version"."""

    plan: str = ""
    version: int = 0
    seats: int = 0
    add_ons: Mapping[str, int] = field(default_factory=dict)
    strange: tuple[str, ...] = ()


def governing(found: Iterable[SubscriptionSeen], orders: Mapping[str, int]) -> SubscriptionSeen | None:
    """The one that counts: live before dead, then the higher plan (`orders`: plan's code to its place), then the newer."""
    ranked = sorted(found, key=lambda one: (_RANKS.get(one.status, _UNKNOWN), -orders.get(sold(one).plan, -1), -one.created.timestamp(), one.external_id))
    return ranked[0] if ranked else None


def live(found: Iterable[SubscriptionSeen]) -> list[SubscriptionSeen]:
    """Those for which money is or will be asked."""
    return [one for one in found if one.status in LIVE]


def is_known(status: str) -> bool:
    """Whether the status is a word of ours."""
    return status in _RANKS


def sold(seen: SubscriptionSeen) -> Sold:
    """What it holds, out of our references; a reference that is none of ours is `strange`."""
    plan, version, seats, add_ons, strange = "", 0, 0, {}, []
    for ref, quantity in seen.sold.items():
        matched = _REF.match(ref)
        if matched is None:
            strange.append(ref)
        elif matched[1] == "plan":
            plan, version, seats = matched[2], int(matched[3]), quantity
        else:
            add_ons[f"{matched[2]}:{matched[3]}"] = quantity
    return Sold(plan, version, seats, add_ons, tuple(strange))


def unpaid_since(seen: SubscriptionSeen, invoices: Iterable[InvoiceSeen], *, known: datetime | None, now: datetime) -> datetime | None:
    """The first failure of the oldest open bill: what is known of it stays, however often it fails again; None where it is paid.

    A bill that could not be made final is open from the day on which it was drawn up: the subscription looks paid to the
    provider, and is not.
    """
    mine = [one for one in invoices if one.subscription == seen.external_id]
    if seen.status not in UNPAID and not any(one.problem for one in mine):
        return None
    return oldest_unpaid(mine, known=known, now=now) or known or now


def oldest_unpaid(bills: Iterable[InvoiceSeen], *, known: datetime | None, now: datetime) -> datetime | None:
    """Since when the oldest of these bills that is open is unpaid; None where none is. What is `known` holds only while the bill that it was of is open."""
    return min((moment for one in bills if (moment := _unpaid_from(one, known, now)) is not None), default=None)


def _unpaid_from(one: InvoiceSeen, known: datetime | None, now: datetime) -> datetime | None:
    if one.problem:
        return one.created
    if one.status != "open":
        return None
    if one.due_at is not None:
        return one.due_at if one.failed_at or one.due_at <= now else None
    if one.failed_at is None:
        return None
    # A later try may be all that is still told of its failures. And the provider's clock may be ahead of ours: its moment stands, so that nobody is unpaid for longer than they are.
    return known if known is not None and one.created <= known < one.failed_at else one.failed_at


def unbilled(seen: SubscriptionSeen, invoices: Iterable[InvoiceSeen], *, now: datetime) -> list[InvoiceSeen]:
    """Drafts of the period that runs, which the provider does not make final by itself: it had given up on the subscription when the period began."""
    return [one for one in invoices if one.held and one.subscription == seen.external_id and one.period_end is not None and one.period_end > now]


def paid_after_giving_up(seen: SubscriptionSeen, invoices: Iterable[InvoiceSeen], *, since: datetime, now: datetime) -> bool:
    """Whether all that was owed is paid, and nobody is billed for the period that runs. A provider may go on calling it unpaid until that one is."""
    mine = [one for one in invoices if one.subscription == seen.external_id]
    paid = any(one.status == "paid" and one.paid_at is not None and one.paid_at >= since for one in mine)
    return seen.status in ("active", "unpaid") and paid and not any(one.status == "open" for one in mine) and bool(unbilled(seen, mine, now=now))


def sold_of(target: Target) -> dict[str, int]:
    """What a target comes to, by our references."""
    return {references.seats_of(target.plan, target.version): target.seats} | {references.add_on(ref): count for ref, count in target.add_ons.items() if count}
