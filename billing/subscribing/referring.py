"""A firm that brings another: both get what a seat of the newcomer's plan costs a month, as credit, once the newcomer has paid (decision 0022)."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from billing import pricing, rights, services
from billing.models import BillingAccount, MoneyEntry, PlanVersion, Subscription
from billing.pricing import Interval
from billing.providers import calling
from billing.providers.registry import provider_for
from crm_platform.db import sides
from crm_platform.kernel.errors import CrmError, Invalid
from crm_platform.kernel.permissions import Actor
from crm_platform.kernel.workspace import Place

from .accounts import held, note

OWED, GIVEN = "referral.owed", "referral.given"
DEAREST = "business"


class NoSuchReferral(Invalid):
    """The code is nobody's, one's own, or comes too late."""

    code = "no_such_referral"
    sentence = _("This referral code cannot be used here: it is unknown, your own, or you have bought already.")


def refer(place: Place, code: str, *, actor: Actor) -> None:
    """Say who brought this firm, before its first purchase. Raises NoSuchReferral. Opens a control unit."""
    rights.require_to_change(actor)
    with sides.control_unit():
        had = held(place, lock=True)
        by = BillingAccount.objects.filter(referral_code=code.strip().lower()).exclude(pk=had.account.pk).first()
        if by is None or had.live or had.account.currency_fixed_at is not None or had.account.referred_by_id is not None:
            raise NoSuchReferral
        BillingAccount.objects.filter(pk=had.account.pk).update(referred_by=by)
        note(had.account, "referral.named", actor=actor, after={"by": by.referral_code})


def bought(account: BillingAccount) -> None:
    """The newcomer has bought: of what both will get a seat's month is written down, once. Inside a control unit."""
    if account.referred_by is None or MoneyEntry.objects.filter(account=account, name=OWED).exists():
        return
    row = Subscription.objects.select_related("plan").get(workspace=account.workspace_id)
    seat = {"plan": row.plan.code, "version": row.plan.version, "seats": row.seats, "newcomer": account.public_id}
    for one in (account, account.referred_by):
        note(one, OWED, actor="referral", after=seat, operation=f"referral.{account.public_id}")


def give_owed(*, most: int = 50) -> int:
    """Credit what is owed to those who pay through a provider, for newcomers who have paid; returns how many had theirs. Opens units of its own, asks providers."""
    with sides.control_unit():
        given = MoneyEntry.objects.filter(name=GIVEN).values("account", "operation")
        done = {(row["account"], row["operation"]) for row in given}
        owed = [row for row in MoneyEntry.objects.select_related("account").filter(name=OWED).order_by("id") if (row.account_id, row.operation) not in done]
    count = 0
    for row in owed:  # those whose newcomer has not paid yet keep nobody waiting
        count += _give(row)
        if count >= most:
            break
    return count


def _give(owed: MoneyEntry) -> bool:
    account = owed.account
    with sides.control_unit():
        row = Subscription.objects.select_related("plan").filter(workspace=account.workspace_id).exclude(external_id="").first()
        if row is None or not account.external_id or not _has_paid(owed):
            return False
        minor = _a_seat(owed, row)
    params = {"amount": minor, "currency": row.currency}
    try:
        calling.once(
            f"{owed.operation}.{account.public_id}"[:90], "credit", params,
            lambda key: provider_for(account).credit(account.external_id, amount=minor, currency=row.currency, reason="referral", key=key), account=account,
        )  # fmt: skip
    except CrmError:
        return False  # the next look tries again, with the same key
    with sides.control_unit():
        note(account, GIVEN, actor="referral", after=params, operation=owed.operation)
    return True


def _has_paid(owed: MoneyEntry) -> bool:
    """Whether money of the newcomer's has come: a purchase in what is left of a trial, or a whole discount, is none yet."""
    newcomer = BillingAccount.objects.filter(public_id=owed.operation.removeprefix("referral.")).first()
    return newcomer is not None and newcomer.currency_fixed_at is not None


def _a_seat(owed: MoneyEntry, row: Subscription) -> int:
    """What a seat of the newcomer's plan costs a month, in the currency of the one who gets it; of lines of an earlier release, one of their own plan.

    Where a plan has no price by seat, one of Business: a whole month of it would be worth a hundred seats.
    """
    seat = owed.after
    plan = PlanVersion.objects.filter(code=seat.get("plan", ""), version=seat.get("version", 0)).first() or row.plan
    each = pricing.read(plan.terms).rate(row.currency, Interval.MONTH).unit(max(1, seat.get("seats", row.seats)))
    return each or pricing.read(services.find(DEAREST).terms).rate(row.currency, Interval.MONTH).unit(1)
