"""Nobody pays for what is erased: before anything of a workspace is dropped, its open pages to pay at are closed and what it bought is ended at the provider.

The keeper asks, a worker does it: a provider that does not answer holds up this one erasure, and no other. What was asked is
written before the call, and asked again with its key until nothing lives there. The documents stay.
"""

from __future__ import annotations

import logging

from billing.models import BillingAccount, Checkout, MoneyEntry, Subscription
from billing.providers import calling, registry, syncing
from billing.providers.models import OpState, ProviderOp
from billing.providers.protocol import AccountSeen, Provider, ProviderUnavailable
from billing.providers.registry import NoSuchProvider
from crm_platform.db import sides
from crm_platform.jobs.models import Job, JobState
from crm_platform.kernel import clock, jobs
from crm_platform.kernel.errors import CrmError
from crm_platform.kernel.jobs import Lease
from crm_platform.kernel.points import reached
from tenants.lifecycle.billing_state import BillingState
from tenants.models import State, Workspace

_log = logging.getLogger("kartoteka.billing")
PART = "dunning.part"
_AT_ONCE = 200


class StillLives(ProviderUnavailable):
    """The provider answered, and something is not ended all the same: it is asked again."""

    code = "still_lives"


def parted(workspace: Workspace) -> bool:
    """Whether nothing can be charged any more; where it can, a worker is asked to see to it. The erasure's question. Opens a control unit."""
    with sides.control_unit():
        Subscription.objects.filter(workspace=workspace).exclude(state=BillingState.DELETED).update(state=BillingState.DELETED)
        account = BillingAccount.objects.filter(workspace=workspace).exclude(external_id="").first()
        if account is None or ProviderOp.objects.filter(operation=_operation(account), state=OpState.DONE).exists():
            return True
        _ask(account.pk)
    return False


def take_up() -> None:
    """Workspaces that are erased, and have something at a provider by our own rows: of an earlier release, or whatever happened to them. The scheduler's chore."""
    with sides.control_unit():
        for pk in BillingAccount.objects.filter(workspace__state=State.ERASED, workspace__subscription__external_id__gt="").values_list("pk", flat=True)[:_AT_ONCE]:
            _ask(pk)


def _ask(pk: int) -> None:
    """One that failed waits for its next try: it is not hurried by each round of the keeper."""
    if not Job.objects.filter(name=PART, target=pk, state__in=(JobState.WAITING, JobState.RUNNING)).exists():
        jobs.later(PART, pk, key=f"{PART}.{pk}")


@jobs.register(PART)
def part(pk: int, *, lease: Lease) -> None:
    """End what an erased workspace has at its provider, and take over what became of its invoices."""
    with sides.control_unit():
        lease.beat()
        account = BillingAccount.objects.select_related("workspace__subscription").get(pk=pk)
    if account.workspace is None or account.workspace.state != State.ERASED or not account.external_id:
        return
    calling.once(_operation(account), "part", {}, lambda _key: _end_all(account), account=account)
    reached("part.done")
    _close_books(account)
    if registry.is_there(account.provider):
        syncing.sync_account(pk)


def _operation(account: BillingAccount) -> str:
    return f"part.{account.public_id}"


def _end_all(account: BillingAccount) -> int:
    """How many subscriptions there were. Raises ProviderUnavailable where one may live still."""
    provider = _provider(account)
    if provider is None:
        return 0
    _close_pages(account, provider)
    reached("part.closed")
    living = _living(provider.fetch(account.external_id))
    for one in living:
        _cancel(account, provider, one)
        reached("part.cancelled")
    if living and _living(provider.fetch(account.external_id)):
        raise StillLives
    with sides.control_unit():
        calling.came_true(f"{_operation(account)}.cancel")
    return len(living)


def _provider(account: BillingAccount) -> Provider | None:
    """Whom to ask. One that is not set up any more cannot be asked: then our own row tells, and the erasure waits where by it something lives."""
    try:
        return registry.by_code(account.provider)
    except NoSuchProvider as error:
        row = getattr(account.workspace, "subscription", None)
        if row is not None and row.external_id and row.status != "canceled":
            _log.error("an erased workspace has a subscription at a provider that is not set up", extra={"account": account.public_id, "provider": account.provider})
            raise ProviderUnavailable from error
        return None


def _close_pages(account: BillingAccount, provider: Provider) -> None:
    with sides.control_unit():
        opened = list(Checkout.objects.filter(account=account, provider=account.provider, state="open"))
    for row in opened:
        if row.reference:
            _close_page(row, account, provider)
    with sides.control_unit():
        Checkout.objects.filter(pk__in=[row.pk for row in opened], state="open").update(state="closed")


def _close_page(row: Checkout, account: BillingAccount, provider: Provider) -> None:
    calling.once(f"close.{row.operation}", "close_checkout", {}, lambda key: provider.close_checkout(row.reference, key=key), account=account)


def _living(seen: AccountSeen) -> list[str]:
    """All that is not over: what only waits for its first payment, too, and words that we do not know."""
    return [one.external_id for one in seen.subscriptions if one.status != "canceled"]


def _cancel(account: BillingAccount, provider: Provider, subscription: str) -> None:
    """End one now. A refusal is not believed: the next look tells."""
    try:
        calling.once(
            f"{_operation(account)}.cancel", "cancel", {"subscription": subscription}, lambda key: provider.cancel(subscription, at_end=False, key=key), account=account
        )  # fmt: skip
    except ProviderUnavailable:
        raise
    except CrmError as error:
        _log.warning("a subscription of an erased workspace could not be ended", extra={"account": account.public_id, "subscription": subscription, "code": error.code})


def _close_books(account: BillingAccount) -> None:
    """Our own rows say so too, once."""
    with sides.control_unit():
        row = Subscription.objects.select_for_update(of=("self",)).select_related("plan").filter(workspace=account.workspace_id).exclude(external_id="").first()
        if row is None:
            return
        before = {"plan": f"{row.plan.code}:{row.plan.version}", "seats": row.seats, "status": row.status}
        MoneyEntry.objects.create(account=account, name="subscription.ended", actor="billing", reason="erased", before=before, after={"status": "canceled"}, operation=_operation(account))
        row.ended_at = row.ended_at or clock.now()
        row.status, row.state, row.external_id, row.cancel_at, row.changed_at = "canceled", BillingState.DELETED, "", None, clock.now()
        row.save(update_fields=["ended_at", "status", "state", "external_id", "cancel_at", "changed_at"])
