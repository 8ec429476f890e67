"""What operators do about one workspace's money, and coupons. Each verb checks the operator's duty, writes the journal, and tells the workspace.

Verbs about a workspace open their own units: it is told after the control side's commit.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _

from billing import plans, ports
from billing import services as selling
from billing.models import BillingAccount, Coupon, MoneyEntry, Override, Subscription
from billing.subscribing import redeeming
from crm_platform.accounts.operators import Duty, Operator, require
from crm_platform.db import sides
from crm_platform.events.backbone import emit
from crm_platform.kernel import clock, money
from crm_platform.kernel.errors import Invalid, NotFound
from tenants.lifecycle import states
from tenants.models import State, Workspace

from . import words

LONGEST_EXTENSION = 90
_ALIVE = (State.ACTIVE, State.LEAVING, State.ASLEEP)


class NothingToExtend(Invalid):
    """Neither a trial nor an open bill."""

    code = "nothing_to_extend"
    sentence = _("There is neither a trial nor an open bill here, so there is nothing to extend.")


class LongerAlready(Invalid):
    """The extension would end before the present one."""

    code = "longer_already"
    sentence = _("It lasts longer than that already, until {day}.")


def extend(operator: Operator, public_id: str, *, days: int, reason: str) -> datetime:
    """More time without paying: a trial ends later (or begins again), an open bill is waited for with full access. Returns until when."""
    require(operator, Duty.MONEY)
    reason = _said(reason)
    if not 1 <= days <= LONGEST_EXTENSION:
        raise Invalid(fields={"days": [str(_("From 1 to {most} days.")).format(most=LONGEST_EXTENSION)]})
    with sides.control_unit():
        workspace, row = _locked(public_id)
        until = clock.now() + timedelta(days=days)
        name = "extended_until" if row.past_due_since else "trial_ends_at"
        before = getattr(row, name)
        if name == "trial_ends_at" and (before is None or row.status != "none"):
            raise NothingToExtend
        if before is not None and before >= until:
            raise LongerAlready(day=f"{before:%d.%m.%Y}")
        if name == "trial_ends_at" and row.plan.code == plans.FREE:  # its end was taken: it begins again with everything
            row.plan = selling.find(plans.TRIED)
        setattr(row, name, until)
        row.changed_at = clock.now()
        row.save(update_fields=[name, "plan", "changed_at"])
        _note(operator, workspace, "operator.extended", reason, before={name: _iso(before)}, after={name: _iso(until)})
    ports.told(workspace)
    return until


def grant(operator: Operator, public_id: str, *, metric: str, value: int | None, until: datetime | None, reason: str) -> Override:
    """Another limit (`value` None: none at all) or a module (1 or 0) for one workspace, in the place of an earlier grant of the same."""
    require(operator, Duty.MONEY)
    reason = _said(reason)
    if metric not in words.METRICS and metric not in words.MODULES:
        raise Invalid(fields={"metric": [_("Choose what it is about.")]})
    if (value is not None and value < 0) or (metric in words.MODULES and value not in (0, 1)):
        raise Invalid(fields={"value": [_("A whole number; for a module 1 or 0.")]})
    if until is not None and until <= clock.now():
        raise Invalid(fields={"until": [_("That day is over.")]})
    with sides.control_unit():
        workspace, _row = _locked(public_id)
        earlier = Override.objects.filter(workspace=workspace, metric=metric, ended_at=None)
        before = [one.value for one in earlier]
        earlier.update(ended_at=clock.now())
        made = Override.objects.create(workspace=workspace, metric=metric, value=value, until=until, reason=reason, author=operator.signature)
        _note(operator, workspace, "override.granted", reason, before={metric: before}, after={metric: value, "until": _iso(until)})
    ports.told(workspace)
    return made


def end_grant(operator: Operator, public_id: str, *, pk: int, reason: str) -> None:
    """The plan's own limit again. Nothing is deleted by it."""
    require(operator, Duty.MONEY)
    reason = _said(reason)
    with sides.control_unit():
        workspace, _row = _locked(public_id)
        found = Override.objects.select_for_update().filter(workspace=workspace, pk=pk, ended_at=None).first()
        if found is None:
            raise NotFound
        found.ended_at = clock.now()
        found.save(update_fields=["ended_at"])
        _note(operator, workspace, "override.ended", reason, before={found.metric: found.value}, after={})
    ports.told(workspace)


def give_coupon(operator: Operator, public_id: str, *, code: str, reason: str, operation: str) -> str:
    """Take a coupon for a workspace, as its own people would; the same operation is done once. Raises what `redeeming.redeem` raises."""
    require(operator, Duty.MONEY)
    reason = _said(reason)
    with sides.control_unit():
        workspace, _row = _locked(public_id, among=(State.ACTIVE, State.LEAVING))
        place = workspace.place
    taken = redeeming.redeem(place, code, actor=operator.actor, operation=operation)
    with sides.control_unit():
        workspace, _row = _locked(public_id, among=(State.ACTIVE, State.LEAVING))
        if not MoneyEntry.objects.filter(account=account_of(workspace), operation=operation, name="coupon.given").exists():
            _note(operator, workspace, "coupon.given", reason, before={}, after={"code": taken}, operation=operation)
    return taken


def make_coupon(operator: Operator, *, code: str, **values: Any) -> Coupon:
    """A discount that may be given: see `Coupon`. Inside a control unit. Raises Invalid."""
    require(operator, Duty.MONEY)
    code = code.strip().upper()
    wrong = _wrong_coupon(code, values)
    if wrong:
        raise Invalid(fields=wrong)
    made = Coupon.objects.create(code=code, created_by=operator.signature, **values)
    shown = {name: value for name, value in values.items() if value not in (None, "", [], 0, False)}
    emit(operator.actor, "coupon.made", entity="coupon", record_id=made.pk, after={"code": code, **{name: _iso(value) for name, value in shown.items()}})
    return made


def _wrong_coupon(code: str, values: dict[str, Any]) -> dict[str, list[Any]]:
    wrong: dict[str, list[Any]] = {}
    if not code or not code.isascii() or not code.replace("-", "").replace("_", "").isalnum():
        wrong["code"] = [_("Latin letters, figures and dashes.")]
    elif Coupon.objects.filter(code__iexact=code).exists():
        wrong["code"] = [_("There is a coupon of this code already.")]
    percent, amount, currency = values.get("percent_bp") or 0, values.get("amount_minor") or 0, values.get("currency") or ""
    if bool(percent) == bool(amount) or percent > 10_000:
        wrong["percent_bp"] = [_("Either a percentage up to 100 or an amount.")]
    if amount and currency not in money.CURRENCIES:
        wrong["currency"] = [_("An amount needs its currency.")]
    if values.get("duration") not in words.DURATIONS or (values.get("duration") == "repeating") != bool(values.get("months")):
        wrong["months"] = [_("Say for how many months, or choose another duration.")]
    if values.get("expires_at") is not None and values["expires_at"] <= clock.now():
        wrong["expires_at"] = [_("That day is over.")]
    return wrong


def archive_coupon(operator: Operator, *, pk: int) -> None:
    """It can be taken no more; whoever has it keeps it. Inside a control unit."""
    require(operator, Duty.MONEY)
    found = Coupon.objects.select_for_update().filter(pk=pk, archived_at=None).first()
    if found is None:
        raise NotFound
    found.archived_at = clock.now()
    found.save(update_fields=["archived_at"])
    emit(operator.actor, "coupon.archived", entity="coupon", record_id=pk, after={"code": found.code})


def account_of(workspace: Workspace) -> BillingAccount:
    """The account of a workspace, made where it has none yet. Inside a control unit."""
    found, _made = BillingAccount.objects.get_or_create(workspace=workspace, defaults={"slug": workspace.slug or ""})
    return found


def _locked(public_id: str, *, among: tuple[str, ...] = _ALIVE) -> tuple[Workspace, Subscription]:
    workspace = states.locked(public_id, among=among)
    row = Subscription.objects.select_for_update().filter(workspace=workspace).first()
    if row is None:
        raise NotFound
    return workspace, row


def _said(reason: str) -> str:
    reason = reason.strip()
    if len(reason) < 3:
        raise Invalid(fields={"reason": [_("Say why: it stands in the journal.")]})
    return reason[:2000]


def _note(operator: Operator, workspace: Workspace, name: str, reason: str, *, before: dict[str, Any], after: dict[str, Any], operation: str = "") -> None:
    MoneyEntry.objects.create(account=account_of(workspace), name=name, actor=operator.signature, reason=reason, before=before, after=after, operation=operation or uuid.uuid4().hex)


def _iso(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
