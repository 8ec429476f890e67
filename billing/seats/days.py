"""Seats by the day on the bill: each month's days on the next one, at the price of the plan under which they were used; the last ones, when no bill follows, on a bill of their own."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import DatabaseError, InterfaceError
from django.db.models import Exists, OuterRef, Value
from django.db.models.functions import Concat
from django.utils import timezone, translation

from billing import pricing, wording
from billing.models import BillingAccount, DayStretch, MoneyEntry, PlanVersion, Subscription
from billing.pricing import Line
from billing.providers import calling, syncing
from billing.providers.choosing import LIVE
from billing.providers.registry import provider_for
from billing.subscribing.accounts import announce, held, note
from crm_platform.db import sides
from crm_platform.kernel import clock
from crm_platform.kernel.errors import CrmError
from crm_platform.kernel.permissions import robot
from crm_platform.kernel.workspace import Place
from tenants.models import State

from . import admitting

_log = logging.getLogger("kartoteka.billing")
# Lines of the journal that say up to which day the days are on a bill.
CHARGED, CLOSED = "occasional.charged", "occasional.closed"
_DAY = timedelta(days=1)
# What makes one firm wait for the next round, and no other: a refusal, a provider that is silent, a workspace that cannot be entered.
_LATER = (CrmError, DatabaseError, InterfaceError)


@dataclass(frozen=True, slots=True)
class _Due:
    """Days from `start` until before `end`, by what they cost and what they belong to."""

    account: BillingAccount
    plan: PlanVersion
    subscription: str
    currency: str
    start: date
    end: date


def follow(account: BillingAccount, row: Subscription, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """A plan has ended, or has become another: its days wait to be billed at its own price. Inside a control unit that holds the account's row."""
    was, lives = before["status"] in LIVE, row.status in LIVE
    if was and lives and not before["paused_until"] and after["paused_until"]:  # begun in the provider's own pages: one of ours is noted by `pausing`
        rests(account, row, operation=f"sync.{account.pk}.{account.sync_generation}")
    ends = was and not lives
    if not ends and not (was and lives and before["plan"] != after["plan"]):
        return
    if not before.get("external_id") or not _sold(account):
        return
    code, _colon, version = str(before["plan"]).partition(":")
    plan = PlanVersion.objects.get(code=code, version=int(version))
    at = row.ended_at or clock.now() if ends else clock.now()
    _write(account, plan, subscription=str(before["external_id"]), currency=row.currency, at=at, last=ends, operation=f"sync.{account.pk}.{account.sync_generation}")


def rests(account: BillingAccount, row: Subscription, *, operation: str) -> None:
    """A pause begins: its bills are voided with all that stands on them, so what was had before is billed now. Once for an operation; inside a control unit."""
    if _sold(account):
        _write(account, row.plan, subscription=row.external_id, currency=row.currency, at=clock.now(), last=True, operation=f"rests.{operation}"[:64])


def _sold(account: BillingAccount) -> bool:
    return MoneyEntry.objects.filter(account=account, name="occasional.ceiling").exists()


def take_up_leaving() -> int:
    """Whoever leaves has had the last days: they are billed while they can still be counted. Once for each departure; returns how many firms. Opens a control unit."""
    with sides.control_unit():
        noted = DayStretch.objects.filter(operation=Concat(Value("leaving."), OuterRef("workspace__departure__certificate")))
        sold = MoneyEntry.objects.filter(account__workspace=OuterRef("workspace"), name="occasional.ceiling")
        rows = Subscription.objects.select_related("plan", "workspace__departure", "workspace__billing_account").exclude(external_id="").filter(status__in=LIVE)
        found = list(rows.filter(~Exists(noted), Exists(sold), workspace__state=State.LEAVING, workspace__departure__isnull=False)[:200])
        for row in found:
            account, operation = row.workspace.billing_account, f"leaving.{row.workspace.departure.certificate}"
            _write(account, row.plan, subscription=row.external_id, currency=row.currency, at=clock.now(), last=True, operation=operation)
    return len(found)


def _write(account: BillingAccount, plan: PlanVersion, *, subscription: str, currency: str, at: datetime, last: bool, operation: str) -> None:
    DayStretch.objects.get_or_create(operation=operation, defaults={"account": account, "plan": plan, "subscription": subscription, "currency": currency, "at": at, "last": last})


def settle_stretches() -> int:
    """Bill what waits of plans that are over; returns how many bills or lines came of it. Opens units of its own, asks providers; what cannot be done now is done by the next round."""
    with sides.control_unit():
        found = list(DayStretch.objects.select_related("account__workspace", "plan").filter(settled_at=None).order_by("pk"))
    done = 0
    for row in found:
        try:
            done += _settle(row)
        except _LATER as error:
            _log.warning("the last days of seats by the day could not be billed", extra={"stretch": row.pk, "error": getattr(error, "code", type(error).__name__)})
    return done


def _settle(row: DayStretch) -> bool:
    workspace = row.account.workspace
    if workspace is None or workspace.state == State.ERASED:
        with sides.control_unit():
            _settled(row)  # what is erased cannot be counted any more
        return False
    place = workspace.place
    with sides.unit(place):
        day, today = timezone.localdate(row.at), admitting.today()
    if not row.last and day >= today:  # the day of a change belongs to the plan before it, and is not over
        return False
    with sides.control_unit():
        month_before = (day.replace(day=1) - _DAY).replace(day=1)
        due = _Due(row.account, row.plan, row.subscription, row.currency, _charged_until(row.account) or month_before, day + _DAY)
        had = held(place)
        goes_on = not row.last and had.live and had.subscription.external_id == row.subscription
    line = _line(place, due)
    document = (_on_next_bill(due, line) if line else "") if goes_on else _apart(due, line, operation=f"apart.{row.pk}")
    with sides.control_unit():  # together: days that are billed and not noted would be billed again
        _settled(row, line=line, document=document)
        if line:
            _journal(due, line, name=CHARGED if goes_on else CLOSED, document=document)
    if document and not goes_on:
        announce(place, robot("billing"), "seats.days_billed", after={"days": line.quantity if line else 0})
        syncing.sync_account(row.account.pk, patience=5.0)
    return bool(document)


def _settled(row: DayStretch, *, line: Line | None = None, document: str = "") -> None:
    days, amount = (line.quantity, line.amount) if line else (0, 0)
    DayStretch.objects.filter(pk=row.pk).update(settled_at=clock.now(), days=days, amount_minor=amount, document=document[:120])


def charge_last_month() -> int:
    """The active days of the month that is over go on each firm's next bill, once; returns how many firms have some."""
    end = clock.now().date().replace(day=1)
    start = (end - _DAY).replace(day=1)
    with sides.control_unit():
        rows = MoneyEntry.objects.select_related("account__workspace").filter(name="occasional.ceiling", account__workspace__state=State.ACTIVE)
        done = set(MoneyEntry.objects.filter(name=CHARGED, after__until=end.isoformat()).values_list("account", flat=True))
        found = {row.account_id: row.account.workspace for row in rows if row.account_id not in done and row.account.workspace is not None}
    charged = 0
    for workspace in found.values():
        try:
            charged += bool(charge_days(workspace.place, start=start, end=end))
        except _LATER as error:
            _log.warning("occasional days could not be charged", extra={"workspace": workspace.public_id, "error": getattr(error, "code", type(error).__name__)})
    return charged


def charge_days(place: Place, *, start: date, end: date) -> int:
    """Put the active days from `start` until before `end` on the next bill, those before excepted that are on one already; nothing before the last of them is over by the firm's clock.

    Returns the amount without tax. Opens units of its own, asks the provider.
    """
    with sides.unit(place):
        if admitting.today() < end:
            return 0
    with sides.control_unit():
        had = held(place)
        if not had.live or _rests(had.subscription) or DayStretch.objects.filter(account=had.account, settled_at=None).exists():
            return 0
        row = had.subscription
        due = _Due(had.account, row.plan, row.external_id, row.currency, max(start, _charged_until(had.account) or start), end)
    line = _line(place, due)
    if line is None:
        return 0
    document = _on_next_bill(due, line)
    with sides.control_unit():
        _journal(due, line, name=CHARGED, document=document)
    return line.amount


def _rests(row: Subscription) -> bool:
    """In a pause the next bill is voided with all that stands on it."""
    return row.paused_until is not None and row.paused_until > clock.now()


def _charged_until(account: BillingAccount) -> date | None:
    """The first day that is on no bill yet; None where none ever was. Inside a control unit."""
    told = MoneyEntry.objects.filter(account=account, name__in=(CHARGED, CLOSED)).values_list("after__until", flat=True)
    return max(map(date.fromisoformat, filter(None, told)), default=None)


def _line(place: Place, due: _Due) -> Line | None:
    """None where there were no days, or the plan has no price for them."""
    if due.start >= due.end:
        return None
    with sides.unit(place):
        used = admitting.days_used(due.start, due.end)
    each = pricing.read(due.plan.terms).day.get(due.currency, 0)
    return Line(f"days:{due.plan.code}:{due.plan.version}", used, each, used * each) if used and each else None


def _on_next_bill(due: _Due, line: Line) -> str:
    told, account = _name(due, line), due.account
    found: str = calling.once(
        f"occasional.{account.public_id}.{due.start.isoformat()}", "charge", {"amount": line.amount, "currency": due.currency},
        lambda key: provider_for(account).charge(account.external_id, due.subscription, line, name=told, key=key), account=account,
    )  # fmt: skip
    return found


def _apart(due: _Due, line: Line | None, *, operation: str) -> str:
    """The last bill, with what had been put on a next one that does not come; "" where there is nothing."""
    told, account = _name(due, line) if line else "", due.account
    found: str = calling.once(
        operation, "bill_apart", {"subscription": due.subscription}, lambda key: provider_for(account).bill_apart(account.external_id, due.subscription, line, name=told, key=key), account=account
    )
    return found


def _name(due: _Due, line: Line) -> str:
    with translation.override(due.account.language):
        return wording.line_name(line, due.currency)


def _journal(due: _Due, line: Line, *, name: str, document: str) -> None:
    after = {"amount": line.amount, "currency": due.currency, "days": line.quantity, "from": due.start.isoformat(), "until": due.end.isoformat(), "document": document}
    operation = f"{name}.{due.account.public_id}.{due.start.isoformat()}"[:64]
    if not MoneyEntry.objects.filter(account=due.account, operation=operation).exists():
        note(due.account, name, actor="billing", after=after, operation=operation)
