"""What a house of the proof of isolation holds of money: payers and bills. They stand on the control side, where no search path holds anybody back."""

from __future__ import annotations

from billing.documents.models import Invoice, Status
from billing.models import BillingAccount, MoneyEntry, Payer
from billing.subscribing.accounts import held
from crm_platform.db import sides
from crm_platform.kernel import clock, workspace
from tenants.isolation.filling import empties, fills, stands_beside


@fills
def fill(mark: str) -> None:
    """Two payers, one of them put away, and a bill."""
    place = workspace.here()
    with sides.control_unit():
        account = held(place).account
        Payer.objects.create(account=account, name=mark, country="NL", address=f"{mark} street 1", main=True)
        Payer.objects.create(account=account, name=f"{mark} of old", country="NL", archived_at=clock.now())
        Invoice.objects.create(account=account, status=Status.OPEN, number=mark, currency="EUR", total_minor=100, buyer={"name": mark}, issued_at=clock.now())


@stands_beside("/settings/plan/payers/")
def payers(public_id: str) -> dict[int, str]:
    """Those of a workspace, by number."""
    with sides.control_unit():
        return {row["id"]: str(sorted(row.items())) for row in Payer.objects.filter(account__workspace__public_id=public_id).order_by("pk").values()}


@stands_beside("/settings/plan/invoices/")
def invoices(public_id: str) -> dict[str, str]:
    """Those of a workspace, by public id."""
    with sides.control_unit():
        return {row["public_id"]: str(sorted(row.items())) for row in Invoice.objects.filter(account__workspace__public_id=public_id).order_by("pk").values()}


@empties
def empty(public_id: str) -> None:
    """An account outlives its workspace; that of a house does not."""
    with sides.control_unit():
        account = BillingAccount.objects.filter(workspace__public_id=public_id)
        for model in (Invoice, MoneyEntry):
            model.objects.filter(account__in=account).delete()
        account.delete()
