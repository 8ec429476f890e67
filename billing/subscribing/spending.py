"""What a month comes to beside the ceiling that a firm set itself: near it, those who get the bills are told, once a period; above it nothing is bought (`changing.within_ceiling`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from billing.models import BillingAccount, MoneyEntry
from billing.seats import admitting
from crm_platform.accounts import directory
from crm_platform.db import sides
from crm_platform.events import backbone
from crm_platform.kernel import jobs, workspace
from crm_platform.kernel.jobs import Lease
from crm_platform.kernel.money import show
from crm_platform.kernel.workspace import Place
from crm_platform.letters import post

from . import pricing_of, targets
from .accounts import Held, held, note

# From this share of the ceiling on it is said: on the page always, by letter once a period.
WARN_PERCENT = 80
JOB = "billing.spending"


@dataclass(frozen=True, slots=True)
class Month:
    """What a month comes to, tax included, with the days of occasional seats that were used; and the ceiling."""

    amount: int
    ceiling: int
    currency: str

    @property
    def percent(self) -> int:
        """How much of the ceiling that is."""
        return self.amount * 100 // self.ceiling

    @property
    def near(self) -> bool:
        """Whether it is to be said."""
        return self.percent >= WARN_PERCENT


def month(had: Held, *, days: int) -> Month | None:
    """None where nothing is bought or no ceiling set. Inside a control unit; `days` are those used this month."""
    ceiling = had.account.spending_ceiling_minor
    if ceiling is None or not had.live:
        return None
    present = targets.present(had)
    return Month(pricing_of.a_month(had, present) + pricing_of.days_cost(had, present, days), ceiling, present.currency)


def watch(account: BillingAccount) -> None:
    """Leave a look to a worker, where there is a ceiling. Inside a control unit."""
    if account.spending_ceiling_minor is not None:
        jobs.later(JOB, account.pk, key=f"{JOB}.{account.pk}")


@jobs.register(JOB)
def look_at(pk: int, *, lease: Lease) -> None:
    """The look that was left."""
    with sides.control_unit():
        account = BillingAccount.objects.select_related("workspace").filter(pk=pk).first()
        lease.beat()
    if account is not None and account.workspace is not None:
        look(account.workspace.place)


def look(place: Place) -> int:
    """Where a month comes near the ceiling, those who get the bills are told, once a period; returns to how many. Opens units of its own."""
    with sides.unit(place):
        days, first = admitting.days_used(admitting.month()), admitting.month()
    with sides.control_unit():
        had = held(place)
        seen = month(had, days=days)
        if seen is None or not seen.near:
            return 0
        row = had.subscription
        begun = row.period_start.date() if row.period_start is not None and row.interval == "month" else first
        key, contacts = f"ceiling.{had.account.public_id}.{begun.isoformat()}", had.account.contacts
        if MoneyEntry.objects.filter(account=had.account, operation=key).exists():
            return 0
    with sides.unit(place):
        told = _write(seen, contacts) if backbone.take_in(key, kind="spending", body={}) else 0
    with sides.control_unit():
        had = held(place, lock=True)
        if not MoneyEntry.objects.filter(account=had.account, operation=key).exists():
            note(had.account, "ceiling.near", actor="billing", after={"minor": seen.amount, "ceiling": seen.ceiling, "currency": seen.currency}, operation=key)
    return told


def _write(seen: Month, contacts: list[Mapping[str, Any]]) -> int:
    owners = {str(person.email).lower(): person.language for person in directory.owners()}
    named = {one["email"].lower(): one.get("language") or next(iter(owners.values()), "en") for one in contacts if one.get("email")}
    facts = {"percent": seen.percent, "amount": show(seen.amount, currency=seen.currency), "ceiling": show(seen.ceiling, currency=seen.currency), "page": workspace.url("/settings/plan")}
    readers = named or owners
    for email, language in readers.items():
        post.write(email, "ceiling_near", language=language, **facts)
    return len(readers)
