"""Another paying company, or other words for it: the payment service hears of it, and bills that it could not make for want of a right address are made and paid."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from billing import ports
from billing.documents import correcting, snapshots, tax
from billing.documents.models import Invoice, Status
from billing.documents.services import OURS
from billing.models import BillingAccount, Checkout
from billing.providers import calling, registry, syncing
from billing.providers.protocol import Provider, ProviderUnavailable
from crm_platform.db import sides
from crm_platform.kernel import ids, jobs
from crm_platform.kernel.errors import CrmError, Unavailable
from crm_platform.kernel.jobs import Lease
from crm_platform.kernel.permissions import robot
from tenants.models import State

from . import checkout, introducing
from .accounts import Held, announce, held, note

_log = logging.getLogger("kartoteka.billing")
JOB = "billing.finish_bills"


@ports.introduce.answer
def ask(account: BillingAccount) -> None:
    """Who pays has changed, or is known otherwise there (an answer to `ports.introduce`): leave it to a worker. Inside a control unit."""
    if account.external_id:
        jobs.later(JOB, account.pk, key=f"{JOB}.{account.pk}")
    if settings.CRM_SELLER_TAX_BP:
        jobs.later(correcting.RETAX, account.pk, key=f"{correcting.RETAX}.{account.pk}")


@jobs.register(JOB)
def finish(pk: int, *, lease: Lease) -> None:
    """Tell the service who pays, then let it make and charge what waits. What it does not accept is seen by the reconciliation."""
    with sides.control_unit():
        lease.beat()
        account = BillingAccount.objects.select_related("workspace").get(pk=pk)
        waiting = _unmade(account)
    if not account.external_id or account.workspace is None or account.workspace.state != State.ACTIVE or not registry.is_there(account.provider):
        return
    provider = registry.provider_for(account)
    try:
        payer = introducing.tell(account.workspace.place, account, provider)
    except (ProviderUnavailable, Unavailable):
        raise
    except CrmError as error:
        _log.warning("the payment service does not accept who pays", extra={"account": account.public_id, "code": error.code})
        return
    for invoice in waiting:
        _pay(provider, account, invoice, payer)
    if waiting:
        syncing.sync_account(pk)


@jobs.register(correcting.RETAX)
def retax(pk: int, *, lease: Lease) -> None:
    """Who pays, or what is known of their tax number, has changed: a card's subscription is taxed by it from its next bill on, a page to pay at is closed, what was charged too much comes back."""
    with sides.control_unit():
        lease.beat()
        account, had, bp = _taxed(pk)
        opened = Checkout.objects.filter(account=account, state="open").exclude(reference="").first()
    if had is not None and opened is not None and bp != account.tax_bp:  # it would charge the old tax; a new one is begun at the press of a button
        checkout.close_at_provider(opened, account)
        with sides.control_unit():
            account, had, bp = _taxed(pk)
    if had is None:
        return
    if had.live and bp != account.tax_bp:
        _tax_anew(account, had, bp)
    _untax(account)


def _tax_anew(account: BillingAccount, had: Held, bp: int) -> None:
    subscription = had.subscription.external_id
    calling.once(f"tax.{ids.random_id()}", "tax", {"bp": bp}, lambda key: registry.provider_for(account).tax(subscription, bp, key=key), account=account)
    with sides.control_unit():
        BillingAccount.objects.filter(pk=account.pk).update(tax_bp=bp)
        note(account, "tax.changed", actor="billing", before={"tax_bp": account.tax_bp}, after={"tax_bp": bp})


def _untax(account: BillingAccount) -> None:
    """The tax on what was paid before a number was verified comes back as credit, by a credit note of the service on each invoice; once."""
    with sides.control_unit():
        found = correcting.over_taxed(account)
    for row, amount in found:
        if _credit(account, row, amount) and account.workspace is not None:
            announce(account.workspace.place, robot("billing"), "bill.untaxed", after={"number": row.number})
    if found:
        syncing.sync_account(account.pk, patience=5.0)


def _credit(account: BillingAccount, row: Invoice, amount: int) -> bool:
    with translation.override(row.language):
        reason = _("VAT number {number} was verified: reverse charge, the tax comes back.").format(number=row.buyer["tax_id"])
    operation = correcting.untaxes(row)
    try:
        document = calling.once(operation, "untax", {}, lambda key: registry.provider_for(account).untax(row.external_id, amount=amount, reason=reason, key=key), account=account)
    except ProviderUnavailable:
        raise
    except CrmError as error:
        _log.warning("the tax on an invoice could not be given back", extra={"account": account.public_id, "invoice": row.external_id, "code": error.code})
        return False
    with sides.control_unit():
        note(account, correcting.UNTAXED, actor="billing", after={"number": row.number, "amount": amount, "currency": row.currency, "document": document}, operation=operation)
    return True


def _taxed(pk: int) -> tuple[BillingAccount, Held | None, int]:
    """An account, what its workspace has by card (None where there is nothing to see to), and the tax that is right now. Inside a control unit."""
    account = BillingAccount.objects.select_related("workspace").get(pk=pk)
    if account.workspace is None or account.workspace.state != State.ACTIVE or account.provider == OURS:
        return account, None, account.tax_bp
    return account, held(account.workspace.place), tax.of(snapshots.buyer(account)).bp


def _pay(provider: Provider, account: BillingAccount, invoice: str, payer: Mapping[str, Any]) -> None:
    try:
        calling.once(f"finish.{invoice}"[:90], "pay", {"payer": payer}, lambda key: provider.pay(invoice, key=key), account=account)
    except ProviderUnavailable:
        raise
    except CrmError as error:  # it is not right yet, or the card is refused: the look tells
        _log.info("a bill could not be made", extra={"account": account.public_id, "invoice": invoice, "code": error.code})


def _unmade(account: BillingAccount) -> list[str]:
    rows = Invoice.objects.filter(account=account, provider=account.provider, status=Status.DRAFT).exclude(problem="")
    return list(rows.order_by("pk").values_list("external_id", flat=True))
