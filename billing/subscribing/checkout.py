"""Buying: one checkout open at a time, a second tab joins it, the page of return grants nothing by itself."""

from __future__ import annotations

from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from billing import ports, rights
from billing.documents.services import OURS
from billing.models import BillingAccount, Checkout
from billing.providers import calling, registry, syncing
from billing.providers.protocol import ProviderUnavailable, Started, Target
from crm_platform.db import sides
from crm_platform.kernel import clock
from crm_platform.kernel.errors import Conflict, CrmError, NotFound
from crm_platform.kernel.permissions import Actor
from crm_platform.kernel.workspace import Place
from tenants.sandboxes import services as sandboxes

from . import coupons, introducing, pricing_of, targets
from .accounts import Held, announce, held, note
from .acts import Busy
from .changing import AboveCeiling, within_ceiling

# An open session is given again for so long; its provider closes it after a day.
OPEN_FOR, RUNS_OUT = timedelta(hours=23), timedelta(hours=25)
PATIENCE = 5.0


class AlreadyBought(Conflict):
    """A plan is there: it is changed, not bought a second time."""

    code = "already_bought"
    sentence = _("This workspace has a plan already. Change it instead; nothing is paid twice.")


class PaymentUnderWay(Conflict):
    """A first payment is on its way from the bank: what it pays for is there once it has come."""

    code = "payment_under_way"
    sentence = _("Your bank is still sending the first payment. Once it has come, the plan is there; if it does not come, you can choose again. Nothing is paid twice.")


class NotPaid(Conflict):
    """Its page can be paid at no more, and nothing came of it."""

    code = "not_paid"
    sentence = _("This purchase was not paid: its page was closed or has run out, or the bank did not send the money. Nothing was charged; you can choose a plan again.")


def begin_checkout(place: Place, target: Target, *, provider: str, actor: Actor, success_url: str, cancel_url: str) -> Started:
    """Begin to buy: the page to go to, or the invoice to pay. Opens units of its own.

    A checkout of the same that is open is given again; another one is closed first. Raises Forbidden, Invalid for what cannot be
    bought, AlreadyBought, PaymentUnderWay, AboveCeiling, Busy, ProviderUnavailable (then the next try goes on with the same).
    """
    rights.require_to_change(actor)
    adapter = registry.by_code(provider)
    with sides.control_unit():
        account = held(place).account
    if account.external_id and registry.is_there(account.provider):
        syncing.sync_account(account.pk, patience=PATIENCE)  # what was bought meanwhile is seen before anything is offered again
    _close_other(place, target, provider)
    row, account = _written(place, target, provider=provider, actor=actor)
    target, adapter = targets.read(row.target), registry.by_code(row.provider)  # of two at once the second joins the first
    if row.reference:
        return Started(row.reference, row.url, row.document)
    customer = introducing.introduced(place, account, adapter)
    params = {"target": row.target, "customer": customer}
    try:
        started = calling.once(
            row.operation, "checkout", params, lambda key: adapter.start_checkout(customer, target, success_url=success_url, cancel_url=cancel_url, key=key), account=account
        )  # fmt: skip
    except ProviderUnavailable:
        raise
    except CrmError:
        _close(row)
        raise
    with sides.control_unit():
        Checkout.objects.filter(pk=row.pk, reference="").update(reference=started.reference, url=started.url, document=started.document)
        row.refresh_from_db()
    if row.state == "closed":  # somebody chose otherwise while the provider was asked: two pages at which one can pay are one too many
        close_at_provider(row, account)
        raise Busy
    announce(place, actor, "plan.checkout_begun", after={"plan": target.plan, "seats": target.seats})
    if not started.url:
        syncing.sync_account(account.pk, patience=PATIENCE)  # nobody will call from outside: what a transfer begins works from this moment
    return started


def finish_checkout(place: Place, reference: str) -> bool:
    """Whether what was bought is there, after a look at the provider. Opens units of its own.

    Raises NotFound for a session that is not this workspace's, NotPaid for one that nobody can pay at any more, while nothing is bought.
    """
    with sides.control_unit():
        account = held(place).account
        row = Checkout.objects.filter(account=account, reference=reference).exclude(reference="").first()
    if row is None:
        raise NotFound
    if row.state != "finished":
        syncing.sync_account(account.pk, patience=PATIENCE)
    with sides.control_unit():
        had = held(place)
        if row.at < clock.now() - RUNS_OUT and had.subscription.status != "incomplete":  # a bank may take days
            Checkout.objects.filter(pk=row.pk, state="open").update(state="closed")
        row.refresh_from_db(fields=["state"])
    if row.state == "closed" and not had.live:
        raise NotPaid
    ports.told(had.subscription.workspace)  # whoever looked before us may not have come to tell it yet
    return row.state != "open"


def give_up_checkout(place: Place, *, actor: Actor) -> None:
    """Close what is open: the payer came back without paying. Opens units of its own."""
    rights.require_to_change(actor)
    with sides.control_unit():
        account = held(place).account
        row = Checkout.objects.filter(account=account, state="open").first()
    if row is not None:
        close_at_provider(row, account)


def _close_other(place: Place, target: Target, provider: str) -> None:
    """An open checkout of something else, or an old one, ends before a new one begins."""
    with sides.control_unit():
        had = held(place)
        wanted = targets.stored(_checked(had, target))
        row = Checkout.objects.filter(account=had.account, state="open").first()
    if row is not None and (row.target != wanted or row.provider != provider or (not row.document and row.at < clock.now() - OPEN_FOR)):  # a bill does not run out like a page
        close_at_provider(row, had.account)


def close_at_provider(row: Checkout, account: BillingAccount) -> None:
    """Nobody can pay there any more; what was paid in the last moment counts. Opens units of its own."""
    if row.reference:
        adapter = registry.by_code(row.provider)
        calling.once(f"close.{row.operation}", "close_checkout", {}, lambda key: adapter.close_checkout(row.reference, key=key), account=account)
        syncing.sync_account(account.pk, patience=PATIENCE)  # it may have been paid in the last moment
    _close(row)


def _close(row: Checkout) -> None:
    with sides.control_unit():
        Checkout.objects.filter(pk=row.pk, state="open").update(state="closed")


def _written(place: Place, target: Target, *, provider: str, actor: Actor) -> tuple[Checkout, BillingAccount]:
    """The row of this purchase: the open one, else a new one, with its promo code taken. Under the account's lock."""
    with sides.control_unit():
        had = held(place, lock=True)
        sandboxes.refuse_money(place.public_id)
        target = _checked(had, target)
        row = Checkout.objects.filter(account=had.account, state="open").first()
        if row is not None:
            return row, had.account
        if target.coupon:
            coupons.take(had, target.coupon, target=target, actor=actor)
        ports.buying(had.account)
        _choose_provider(had, provider)
        BillingAccount.objects.filter(pk=had.account.pk).update(tax_bp=had.tax_bp())  # a card's subscription is sold with it
        row = Checkout.objects.create(account=had.account, provider=provider, target=targets.stored(target), actor=actor.name[:200])
        note(had.account, "checkout.begun", actor=actor, after=row.target, operation=row.operation)
        return row, had.account


def _checked(had: Held, target: Target) -> Target:
    """What may be bought now, with the code that waits. Raises Invalid, AlreadyBought, PaymentUnderWay, AboveCeiling. Inside a control unit.

    What waits for a transfer is no hindrance: another purchase takes its place.
    """
    if had.live or had.unpaid:
        raise AlreadyBought
    if had.subscription.status == "incomplete" and had.account.provider != OURS:
        raise PaymentUnderWay
    target = pricing_of.with_waiting_code(had, targets.check(had, target))
    within_ceiling(had, target)
    return target


def above_ceiling(place: Place, target: Target) -> AboveCeiling | None:
    """What a first purchase would be refused with, to be said before anybody presses. Opens a control unit."""
    with sides.control_unit():
        had = held(place)
        try:
            if not had.live:
                within_ceiling(had, pricing_of.with_waiting_code(had, targets.check(had, target)))
        except AboveCeiling as refusal:
            return refusal
    return None


def pays_first(place: Place) -> bool:
    """Whether a purchase by transfer begins only with its money, since the one before was not paid. Opens units of its own."""
    if not registry.is_there(OURS):
        return False
    with sides.control_unit():
        account = held(place).account.public_id
    asked = getattr(registry.by_code(OURS), "pays_first", None)
    return bool(asked is not None and asked(account))


def _choose_provider(had: Held, provider: str) -> None:
    account = had.account
    if account.provider == provider:
        return
    account.provider, account.external_id = provider, ""
    account.save(update_fields=["provider", "external_id"])
