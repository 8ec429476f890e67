"""The letters of each step, in the workspace's own unit: to those who get the bills, to the owners where nobody else does, and of an erasure to both."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import override

from billing import plans
from billing.metering.answering import LABELS, amount
from crm_platform.accounts import directory
from crm_platform.kernel import gates, workspace
from crm_platform.kernel.money import Money
from crm_platform.letters import post
from tenants.lifecycle.access import day
from tenants.lifecycle.billing_state import FROZEN_FROM, LIMITED_FROM, Facts

from . import calendar

TEMPLATES = {
    **dict.fromkeys(("past_due", "remind_3", "remind_7", "warn_10"), "bill_unpaid"),
    **dict.fromkeys(("limited", "remind_30", "frozen"), "bill_limited"),
    **dict.fromkeys(calendar.NOTICES, "bill_erase"),
    **dict.fromkeys(("trial_14", "trial_18", "trial_20"), "trial_near"),
    "trial_end": "trial_end",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bill:
    """The open bill as its letters tell of it: what is owed, where it can be paid, whether the bank only asks to confirm, whether it cannot be made for want of a right address; and what is written on a transfer."""

    owed: Money | None = None
    url: str = ""
    confirm: bool = False
    unmade: bool = False
    reference: str = ""


# Who knows the open bill of a workspace (its id): the side of documents, once, at start-up.
_bill: Callable[[int], Bill] = lambda pk: Bill()  # noqa: E731


def answer_bill(answerer: Callable[[int], Bill]) -> None:
    """Name who knows the open bill. Asked in a control unit."""
    global _bill
    _bill = answerer


def bill_of(workspace_id: int) -> Bill:
    """The open bill of a workspace. Inside a control unit."""
    return _bill(workspace_id)


@dataclass(frozen=True, slots=True)
class Draft:
    """What a step's letters are made of, gathered on the control side."""

    step: str
    facts: Facts
    contacts: tuple[Mapping[str, str], ...] = ()
    bill: Bill = field(default_factory=Bill)
    erases_at: datetime | None = None
    sold: tuple[tuple[str, Mapping[str, int | None]], ...] = ()


def write(draft: Draft) -> int:
    """Write them; returns how many. Inside a unit of the workspace."""
    readers = _readers(draft)
    for email, language in readers.items():
        with override(language):
            facts = _facts(draft)
        post.write(email, TEMPLATES[draft.step], language=language, **facts)
    return len(readers)


def payers(contacts: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Who gets the bills, address → language, each address once: the contacts that the firm named, else its owners. Inside a unit of the workspace."""
    owners = _owners()
    return {one["email"].lower(): one.get("language") or next(iter(owners.values()), "en") for one in contacts if one.get("email")} or owners


def _readers(draft: Draft) -> dict[str, str]:
    found = payers(draft.contacts)
    return {**found, **_owners()} if draft.step in calendar.NOTICES or draft.step in calendar.TRIAL_STEPS else found


def _owners() -> dict[str, str]:
    return {str(person.email).lower(): person.language for person in directory.owners()}


def _facts(draft: Draft) -> dict[str, Any]:
    known, since = draft.facts, draft.facts.past_due_since
    facts: dict[str, Any] = {
        "step": draft.step, "pay": draft.bill.url or workspace.url("/settings/plan/invoices" if draft.bill.reference else "/settings/plan"), "plan_page": workspace.url("/settings/plan"),
        "amount": str(draft.bill.owed or ""), "confirm": draft.bill.confirm, "unmade": draft.bill.unmade, "payers": workspace.url("/settings/plan/payers"), "reference": draft.bill.reference,
    }  # fmt: skip
    if since is not None:
        facts |= {"limited_on": day(since + timedelta(days=LIMITED_FROM)), "frozen_on": day(since + timedelta(days=FROZEN_FROM))}
        facts |= {"erased_on": day(draft.erases_at) if draft.erases_at else "", "days": calendar.NOTICES.get(draft.step, 0), "archives": workspace.url("/settings/archives")}
    elif known.trial_ends_at is not None:
        facts |= {"ends_on": day(known.trial_ends_at), "plans": _plans(draft.sold)}
    return facts


def _plans(sold: Iterable[tuple[str, Mapping[str, int | None]]]) -> list[dict[str, str]]:
    """What the firm has against each plan, by its own numbers: all of it stays, what is over only waits."""
    used = gates.overview()
    found = []
    for code, limits in sold:
        over = [
            _("%(what)s: %(used)s of %(limit)s") % {"what": LABELS[metric], "used": amount(metric, one.used), "limit": amount(metric, limit)}
            for metric, one in used.items()
            if (limit := limits.get(metric)) is not None and one.used > limit
        ]
        found.append({"name": str(plans.NAMES.get(code, code)), "over": "; ".join(over)})
    return found
