"""An unpaid firm's time is over: keeper or worker die on the way; it is erased once, and nothing it had bought lives on to be charged."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings

from billing.documents.models import Invoice
from billing.dunning import erasing as unpaid
from billing.dunning.models import DunningStep
from billing.models import BillingAccount, MoneyEntry, Subscription
from billing.pricing import Interval
from billing.providers import registry, syncing
from billing.providers.models import OpState, ProviderOp
from billing.providers.protocol import Payer, Target
from crm_platform.db import sides
from crm_platform.jobs import serving
from crm_platform.jobs.models import Job
from crm_platform.kernel import clock
from tenants.lifecycle import erasing as lifecycle
from tenants.lifecycle.models import Certificate
from tenants.models import State, Workspace
from tenants.provisioning import owner

from . import firms, whole
from .firms import Facts

POINTS = ("unpaid.over", "erase.begun", "part.closed", "part.cancelled", "part.done")
SINCE, NOTICES = 256, {"erase_30": 31, "erase_7": 8, "erase_1": 2}


def _shop() -> None:
    """Our own bills are sold here: their books stand in the database, so that every process sees the same."""
    settings.CRM_SELLER_NAME, settings.CRM_SELLER_BANK = "Kartoteka B.V.", "EUR: IBAN NL02 ABNA 0123 4567 89"


def prepare(point: str) -> Facts:
    """A firm with a plan by transfer, unpaid for 256 days, its three notices given."""
    _shop()
    row = firms.made(furnished=False)
    _buys(row)
    since = clock.now() - timedelta(days=SINCE)
    with sides.control_unit():
        Subscription.objects.filter(workspace=row).update(past_due_since=since, state="delete_scheduled")
        for step, days in NOTICES.items():
            DunningStep.objects.create(workspace=row, since=since, step=step, state="written", at=clock.now() - timedelta(days=days))
    return firms.facts(row, point=point)


def _buys(row: Workspace) -> None:
    provider = registry.by_code("manual_invoice")
    with sides.control_unit():
        account, _made = BillingAccount.objects.get_or_create(workspace=row, defaults={"slug": row.slug or ""})
    customer = provider.ensure_customer(Payer(account.public_id, "Atelier Veldhuis", firms.EMAIL), external_id=None, key=f"c{account.public_id}")
    provider.start_checkout(customer, Target("team", 1, 5, Interval.MONTH, "EUR"), success_url="", cancel_url="", key=f"b{account.public_id}")
    with sides.control_unit():
        BillingAccount.objects.filter(pk=account.pk).update(provider="manual_invoice", external_id=customer)
    syncing.sync_account(account.pk)


def work(given: Facts) -> None:
    """The keeper decides, a worker ends what was bought, the keeper drops the rest."""
    _shop()
    unpaid.erase_due()
    serving.serve_side(sides.control_unit)
    lifecycle.erase_due()


def after(given: Facts) -> None:
    """The others' next rounds end it: one certificate, one line for each fact, nothing alive at the provider, and the bills are kept."""
    _shop()
    unpaid.erase_due()
    lifecycle.erase_due()
    with sides.control_unit():  # the dead worker's lease has run out
        Job.objects.filter(state="running").update(leased_until=clock.real_now())
    serving.serve_side(sides.control_unit)
    whole.keep()
    row = firms.now(given)
    assert (row.state, row.erased_at is not None) == (State.ERASED, True), row.state
    with owner.seated(given["alias"]):
        assert not owner.has_workspace(given["schema"])
    with sides.control_unit():
        [certificate] = Certificate.objects.filter(workspace=row)
        account = BillingAccount.objects.get(workspace=row)
        assert certificate.asked_by == "billing"
        names = list(MoneyEntry.objects.filter(account=account, name__in=("workspace.erased", "subscription.ended")).order_by("name").values_list("name", flat=True))
        assert names == ["subscription.ended", "workspace.erased"], names
        assert not ProviderOp.objects.filter(account=account).exclude(state=OpState.DONE).exists()
        held = Subscription.objects.get(workspace=row)
        assert (held.status, held.external_id, held.state) == ("canceled", "", "deleted"), held.status
        assert Invoice.objects.filter(account=account, provider="manual_invoice").exists()
    [seen] = registry.by_code("manual_invoice").fetch(account.external_id).subscriptions
    assert seen.status == "canceled", seen.status
