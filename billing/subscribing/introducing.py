"""Who pays, as their provider knows them: made once, and told of every change, each under a name of its own, so that going back to what was is a change too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from billing.models import BillingAccount, MoneyEntry
from billing.providers import calling
from billing.providers.models import OpState, ProviderOp
from billing.providers.protocol import Payer, Provider
from crm_platform.accounts import directory
from crm_platform.db import sides
from crm_platform.kernel import clock
from crm_platform.kernel.workspace import Place
from tenants.inside import services as inside


def introduced(place: Place, account: BillingAccount, adapter: Provider) -> str:
    """The customer for whom the account pays, made once, before anything is bought, and told of what has changed since. Opens units of its own, asks the provider."""
    return _told(payer_of(place, account), account, adapter, anew=False)


def tell(place: Place, account: BillingAccount, adapter: Provider) -> dict[str, Any]:
    """Let the provider know who pays as it is now, whatever it was told; returns that. Opens units of its own, asks the provider."""
    payer = payer_of(place, account)
    _told(payer, account, adapter, anew=True)
    return asdict(payer)


def payer_of(place: Place, account: BillingAccount) -> Payer:
    """The main company, else the firm itself. Opens units of its own."""
    with sides.unit(place):
        firm, language, country = inside.preferences().firm, inside.preferences().language, inside.preferences().country
        owner = next(iter(directory.owners()), None)
    with sides.control_unit():
        main = account.main_payer()
    email = next((str(one["email"]) for one in account.contacts), "") or (str(owner.email) if owner else "")
    if main is None:
        return Payer(account.public_id, firm or place.name, email, country=country, language=language)
    return Payer(account.public_id, main.name, email, main.country, main.address, main.tax_id, language)


def _told(payer: Payer, account: BillingAccount, adapter: Provider, *, anew: bool) -> str:
    known, params = account.external_id or None, asdict(payer)
    with sides.control_unit():
        operation = _operation(account, params, anew=anew)
    found: str = calling.once(operation, "ensure_customer", params, lambda key: adapter.ensure_customer(payer, external_id=known, key=key), account=account)
    with sides.control_unit():
        if found != account.external_id:
            BillingAccount.objects.filter(pk=account.pk).update(external_id=found)
            account.external_id = found
        of_before = known is None and _tellings(account).exists()
        if known is not None:  # an answer that was lost is waited for no more: a later word has been heard
            _tellings(account).filter(state=OpState.ASKED).update(state=OpState.REFUSED, error="overtaken", finished_at=clock.real_now())
    return _told(payer, account, adapter, anew=False) if of_before else found


def _operation(account: BillingAccount, params: Mapping[str, Any], *, anew: bool) -> str:
    """The name of this telling: the last one's where it says the same and is not over, or need not be said again. Inside a control unit."""
    if not account.external_id:
        gone = MoneyEntry.objects.filter(account=account, name="customer.gone").count()
        return f"{_begins(account)}{f'.{gone}' if gone else ''}"
    last = _tellings(account).order_by("-pk").first()
    if last is not None and last.params == calling.digest(params) and not (anew and last.state == OpState.DONE):
        return str(last.operation)
    return f"{_begins(account)}.{_tellings(account).count() + 1}"


def _tellings(account: BillingAccount) -> Any:
    return ProviderOp.objects.filter(account=account, operation__startswith=f"{_begins(account)}.")


def _begins(account: BillingAccount) -> str:
    return f"customer.{account.public_id}.{account.provider}.{account.external_id or 'new'}"
