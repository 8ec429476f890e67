"""Credit with us of an account that pays by card: money for a bill by transfer that came too late, or was left from it. It goes where the next bill is made."""

from __future__ import annotations

from billing.documents import balance
from billing.documents.models import BalanceEntry
from billing.documents.services import CARRY, OURS, locked
from billing.models import BillingAccount, Subscription
from billing.providers import calling, syncing
from billing.providers.registry import provider_for
from crm_platform.db import sides
from crm_platform.kernel import jobs
from crm_platform.kernel.jobs import Lease

from .accounts import note


def ask(account: BillingAccount) -> None:
    """Leave it to a worker. Inside a control unit."""
    if account.provider != OURS and BalanceEntry.objects.filter(account=account).exists():
        jobs.later(CARRY, account.pk, key=f"{CARRY}.{account.pk}")


@jobs.register(CARRY)
def carry(pk: int, *, lease: Lease) -> None:
    """What is held goes over, each sum once: it leaves our book first, and a call that was lost is made again with its key."""
    with sides.control_unit():
        lease.beat()
        account = locked(pk)
        row = Subscription.objects.filter(workspace=account.workspace_id).exclude(external_id="").first()
        if account.provider == OURS or not account.external_id or row is None:
            return
        begins = f"carry:{account.public_id}:"
        held = balance.credit_of(account, row.currency)
        if held > 0:
            count = BalanceEntry.objects.filter(account=account).count()
            balance.enter(account, -held, currency=row.currency, reason="carried", actor="billing", operation=f"{begins}{count}")
            note(account, "credit.carried", actor="billing", after={"amount": held, "currency": row.currency}, operation=f"carry:{count}")
        over = list(BalanceEntry.objects.filter(account=account, operation__startswith=begins).order_by("pk"))
    for one in over:
        _over(account, one)
    if over:
        syncing.sync_account(pk, patience=5.0)


def _over(account: BillingAccount, one: BalanceEntry) -> None:
    params = {"amount": -one.change_minor, "currency": one.currency}
    calling.once(
        one.operation, "credit", params, lambda key: provider_for(account).credit(account.external_id, amount=-one.change_minor, currency=one.currency, reason="transfer", key=key), account=account
    )  # fmt: skip
