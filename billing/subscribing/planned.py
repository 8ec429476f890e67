"""What waits for the period's end stays true while something else is changed at once: a provider lets its schedule go with each change, so it is asked for again, whatever became of the other."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from billing import catalogue
from billing.models import BillingAccount, PendingChange, Subscription
from billing.pricing.terms import Seats
from billing.providers import calling, syncing
from billing.providers.protocol import Changed, ProviderUnavailable, Target
from billing.providers.registry import provider_for
from crm_platform.db import sides
from crm_platform.kernel import ids
from crm_platform.kernel.errors import CrmError
from crm_platform.kernel.permissions import robot
from crm_platform.kernel.workspace import Place

from . import targets
from .accounts import held
from .acts import Doing, doing, waiting

# In the target of a change that waits: the provider may know nothing of it at this moment, and since which act.
_LET_GO = "let_go"
_log = logging.getLogger("kartoteka.billing")


@dataclass(slots=True)
class Meanwhile:
    """What became of the change that is made at once."""

    outcome: Changed | None = None


@contextmanager
def kept(under: Doing, *, instead: Target | None = None) -> Iterator[Meanwhile]:
    """Around every change at once. What waits is asked for again, with the seats of now where it had those of before; `instead`, once it is there, takes its place.

    Where the outcome is not known yet (no answer, or the bank asks its payer), `ask_again_due` does it later.
    """
    let_go(under, instead=instead)
    found = Meanwhile()
    try:
        yield found
    except ProviderUnavailable:
        raise
    except CrmError:
        _put_back(under, applied=False)
        raise
    if found.outcome is not None and not found.outcome.confirm_url:
        _put_back(under, applied=found.outcome.applied)


def let_go(under: Doing, *, instead: Target | None = None) -> None:
    """Note, before the provider is asked, that it may let go what waits. Opens a control unit."""
    with sides.control_unit():
        row = waiting(under.held)
        if row is None:
            return
        before = row.target.get(_LET_GO) or {}
        operation = before["operation"] if before.get("act") == under.act.operation else f"{ids.random_id(8)}.{under.act.operation}"
        noted = {"act": under.act.operation, "operation": operation, "seats": before.get("seats", under.held.subscription.seats), "instead": targets.stored(instead) if instead else None}
        PendingChange.objects.filter(pk=row.pk, state="waiting").update(target={**row.target, _LET_GO: noted})


def _put_back(under: Doing, *, applied: bool) -> None:
    """Once what became of the other is known. A provider that does not answer now is asked later: what was done stays done."""
    with sides.control_unit():
        row = waiting(under.held)
    if row is None or _LET_GO not in row.target:
        return
    if applied and row.target[_LET_GO]["instead"]:
        _close(row, "taken_back")
        return
    try:
        _ask(under.held.account, under.held.subscription, row, seats=under.act.target["seats"] if applied else under.held.subscription.seats)
    except CrmError as error:
        _log.warning("a planned change could not be asked for again", extra={"change": row.pk, "error": error.code})


def _ask(account: BillingAccount, subscription: Subscription, row: PendingChange, *, seats: int) -> None:
    noted = row.target[_LET_GO]
    with sides.control_unit():
        target = _carried(targets.read(row.target), before=noted["seats"], now=seats)
    at: datetime = calling.once(
        f"{noted['operation']}.planned", "change_at_end", {"target": targets.stored(target)},
        lambda key: provider_for(account).change_at_end(subscription.external_id, target, key=key), account=account,
    )  # fmt: skip
    with sides.control_unit():
        PendingChange.objects.filter(pk=row.pk, state="waiting").update(target=targets.stored(target), effective_at=at)


def _carried(target: Target, *, before: int, now: int) -> Target:
    """The seats of now where it had those of before, never more than are left after some were given back, nor than its plan can have."""
    version = catalogue.version_of(target.plan, target.version)
    if version is not None and catalogue.terms_of(version).seats == Seats.UNLIMITED:
        return target
    seats = now if target.seats == before else min(target.seats, now) if now < before else target.seats
    most = catalogue.most_seats(version) if version is not None else None
    return replace(target, seats=seats if most is None else min(seats, most))


def _close(row: PendingChange, state: str) -> None:
    with sides.control_unit():
        PendingChange.objects.filter(pk=row.pk, state="waiting").update(state=state)


def ask_again_due(*, most: int = 50) -> int:
    """Planned changes of which a provider may know nothing: asked for again, or closed where the other took their place. Returns how many are settled. Opens units of its own, asks providers."""
    with sides.control_unit():
        rows = PendingChange.objects.select_related("subscription__workspace").filter(kind="plan", state="waiting", target__has_key=_LET_GO)
        found = [(row.pk, row.target[_LET_GO]["operation"], row.subscription.workspace) for row in rows.order_by("?")[:most]]  # who fails each time keeps nobody else waiting
    return sum(_again(pk, str(operation), workspace.place) for pk, operation, workspace in found)


def _again(pk: int, operation: str, place: Place) -> bool:
    try:
        with sides.control_unit():
            had = held(place)
        if had.live and _asks_payer(had.account, had.subscription):
            return False
        with doing(place, "plan.again", actor=robot("billing"), operation=f"again.{pk}.{operation}"[:64]) as under:
            if under.done is None:
                syncing.sync_account(under.held.account.pk, patience=5.0)
                _settle(pk)
    except CrmError as error:  # the next look tries again
        _log.warning("a planned change could not be asked for again", extra={"workspace": place.public_id, "error": error.code})
        return False
    return True


def _asks_payer(account: BillingAccount, subscription: Subscription) -> bool:
    seen = provider_for(account).fetch(account.external_id)
    return any(one.external_id == subscription.external_id and one.pending_until is not None for one in seen.subscriptions)


def _settle(pk: int) -> None:
    """By what is had now."""
    with sides.control_unit():
        row = PendingChange.objects.select_related("subscription__plan", "subscription__workspace").get(pk=pk)
        had = held(row.subscription.workspace.place)
    if row.state != "waiting" or _LET_GO not in row.target:
        return
    if not had.live or had.subscription.cancel_at is not None:
        _close(row, "lapsed")
    elif _is_there(had.subscription, row.target[_LET_GO]["instead"]):
        _close(row, "taken_back")
    else:
        _ask(had.account, had.subscription, row, seats=had.subscription.seats)


def _is_there(row: Subscription, wanted: Mapping[str, Any] | None) -> bool:
    return bool(wanted) and wanted is not None and (row.plan.code, row.plan.version, row.seats, row.interval) == tuple(wanted[name] for name in ("plan", "version", "seats", "interval"))
