"""Reconciliation, hourly in short and nightly in full: every class of difference, kept with its age and the money at risk.

It mends by one means alone, a look (`sync_account`): what we have follows the provider. It never charges, cancels or gives back.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, cast

from django.db import DatabaseError, InterfaceError, transaction
from django.db.models import Q

from billing import ports
from billing.metering import proof
from billing.models import BillingAccount
from crm_platform.db import sides
from crm_platform.kernel import clock, jobs
from crm_platform.kernel.errors import CrmError
from crm_platform.kernel.jobs import Again, Kind, Lease
from tenants.models import State, Workspace

from . import catching, comparing, drifting, registry, syncing
from .comparing import Difference
from .models import Cursor, Drift, DriftKind, EventStatus, OpState, ProviderEvent, ProviderOp
from .protocol import Provider, ProviderUnavailable

_log = logging.getLogger("kartoteka.billing")
HOURLY, NIGHTLY = "billing.reconcile", "billing.reconcile_fully"
# A provider with live subscriptions that says nothing for so long is an alarm.
SILENCE = timedelta(hours=24)
# A subscription that was looked at since is not looked at again by the hourly one.
FRESH = timedelta(hours=6)
_OF_ACCOUNT = (DriftKind.NOT_THERE, DriftKind.ORPHAN, DriftKind.DIFFERS, DriftKind.QUANTITY, DriftKind.TWO_LIVE, DriftKind.INVOICES, DriftKind.CUSTOMER_GONE, DriftKind.ENTITLEMENTS, DriftKind.COUNTERS)
_INSIDE = (DriftKind.ENTITLEMENTS, DriftKind.COUNTERS)
# Beside the providers' names, and after them in the order of the alphabet, by which the nightly one goes on.
OTHERS = "~workspaces"
Beat = Callable[[], None]


def reconcile(*, full: bool, fix: bool, beat: Beat = lambda: None) -> list[dict[str, Any]]:
    """Compare all that is to be compared; the differences that stand afterwards. Opens units of its own."""
    for group, pk in [*((code, pk) for code in registry.codes() for pk in accounts(code, full=full)), *((OTHERS, pk) for pk in (others() if full else ()))]:
        beat()
        _compared(group, pk, fix=fix, full=full)
    reconcile_rest(full=full, beat=beat)
    return standing()


def _compared(group: str, pk: int, *, fix: bool, full: bool) -> None:
    """An account of a provider, or of OTHERS a workspace."""
    if group == OTHERS:
        reconcile_workspace(pk, fix=fix)
        return
    try:
        reconcile_account(pk, fix=fix, full=full)
    except ProviderUnavailable:
        _log.warning("an account could not be reconciled: the provider does not answer", extra={"provider": group})


def accounts(code: str, *, full: bool) -> list[int]:
    """Whom to compare: all, or those not looked at lately. Opens a control unit."""
    with sides.control_unit():
        rows = BillingAccount.objects.filter(provider=code).exclude(external_id="")
        if not full:
            rows = rows.filter(Q(dirty_at__isnull=False) | Q(synced_at=None) | Q(synced_at__lt=clock.now() - FRESH))
        return list(rows.order_by("pk").values_list("pk", flat=True))


def others() -> list[int]:
    """Workspaces that have nothing at a provider: what they were told is compared all the same. Opens a control unit."""
    with sides.control_unit():
        rows = Workspace.objects.filter(state=State.ACTIVE, told__isnull=False).exclude(billing_account__external_id__gt="")
        return list(rows.order_by("pk").values_list("pk", flat=True))


def reconcile_workspace(pk: int, *, fix: bool) -> Mapping[str, Any]:
    """What one knows otherwise than it should; kept as drift, or closed. With `fix` it is told anew."""
    with sides.control_unit():
        workspace = Workspace.objects.get(pk=pk)
    try:
        found: Mapping[str, Any] = ports.untold(workspace) or {}
        if found and fix:
            ports.retold(workspace)
            found = ports.untold(workspace) or {}
    except (CrmError, DatabaseError, InterfaceError) as error:
        _log.info("a workspace could not be compared", extra={"workspace": workspace.public_id, "error": str(error).strip()})
        return {}
    with sides.control_unit():
        if found:
            drifting.found(DriftKind.ENTITLEMENTS, "", workspace.public_id, facts={"workspace": workspace.slug, **found})
        else:
            drifting.close(DriftKind.ENTITLEMENTS, "", [workspace.public_id])
    return found


def reconcile_account(pk: int, *, fix: bool, full: bool = True) -> list[Difference]:
    """One account; what is found is kept as drift, what is no longer found is closed. With `fix` it is looked at afterwards."""
    with sides.control_unit():
        account = BillingAccount.objects.select_related("workspace").get(pk=pk)
    if not account.external_id:
        return []
    found = comparing.account_differs(account, registry.provider_for(account).fetch(account.external_id))
    if full and account.workspace is not None and account.workspace.state == State.ACTIVE:
        found += _inside(account, account.workspace, fix=fix)
    _keep(account.provider, found, of=account)
    if fix and found:
        syncing.sync_account(pk)
        if any(one.kind == DriftKind.ENTITLEMENTS for one in found):
            ports.retold(account.workspace)
        with sides.control_unit():
            account.refresh_from_db()
            if full and any(one.subject.endswith(comparing.PAYER) for one in found):
                ports.introduce(account)
        if account.external_id:
            left = comparing.account_differs(account, registry.provider_for(account).fetch(account.external_id))
            if any(one.kind in _INSIDE for one in found) and account.workspace is not None:
                left += _inside(account, account.workspace, fix=False)
            _keep(account.provider, left, of=account)
    return found


def _inside(account: BillingAccount, workspace: Workspace, *, fix: bool) -> list[Difference]:
    """What the workspace itself knows: the plan it was told, and its counters. One that cannot be entered now is compared another night."""
    found = []
    try:
        untold = ports.untold(workspace)
        if untold:
            found.append(Difference(DriftKind.ENTITLEMENTS, account.public_id, account, dict(untold)))
        with sides.unit(workspace.place):
            counted = {name: row for name, row in proof.prove().items() if row["counter"] != row["count"]}
            if not fix:
                transaction.set_rollback(True, using=workspace.alias)
        if counted:
            found.append(Difference(DriftKind.COUNTERS, account.public_id, account, counted))
    except (CrmError, DatabaseError, InterfaceError) as error:
        _log.info("a workspace could not be compared", extra={"workspace": workspace.public_id, "error": str(error).strip()})
    return found


def _keep(provider: str, found: Iterable[Difference], *, of: BillingAccount) -> None:
    with sides.control_unit():
        rows = [drifting.found(one.kind, provider, one.subject, account=one.account, facts=one.facts, money=one.money, currency=one.currency).pk for one in found]
        Drift.objects.filter(account=of, kind__in=_OF_ACCOUNT, closed_at=None).exclude(pk__in=rows).update(closed_at=clock.real_now())


def _strangers(provider: Provider) -> None:
    """Customers of theirs that are nobody's here, and pay."""
    found = []
    for customer in provider.customers():
        with sides.control_unit():
            known = BillingAccount.objects.filter(provider=provider.code, external_id=customer).exists()
        if not known and any(one.status not in ("canceled", "incomplete") for one in provider.fetch(customer).subscriptions):
            found.append(customer)
    with sides.control_unit():
        rows = [drifting.found(DriftKind.ORPHAN, provider.code, customer, facts={"customer": customer}).pk for customer in found]
        Drift.objects.filter(provider=provider.code, kind=DriftKind.ORPHAN, account=None, closed_at=None).exclude(pk__in=rows).update(closed_at=clock.real_now())


def _catalogue(provider: Provider) -> None:
    """Prices that were edited or archived behind our back, where the provider can be asked."""
    check = getattr(provider, "wrong_prices", None)
    if check is None:
        return
    wrong = cast("dict[str, dict[str, Any]]", check())
    with sides.control_unit():
        rows = [drifting.found(DriftKind.CATALOGUE, provider.code, ref, facts=facts).pk for ref, facts in wrong.items()]
        Drift.objects.filter(provider=provider.code, kind=DriftKind.CATALOGUE, account=None, closed_at=None).exclude(pk__in=rows).update(closed_at=clock.real_now())


def _inbox(code: str) -> None:
    """Events that were laid aside or are stuck, and a silence where money should make noise."""
    now = clock.real_now()
    with sides.control_unit():
        stuck = Q(status__in=(EventStatus.RECEIVED, EventStatus.PROCESSING), received_at__lt=now - timedelta(hours=1))
        rows = [
            drifting.found(DriftKind.INBOX, code, event.external_id, facts={"status": event.status, "kind": event.kind, "error": event.error[:200]}).pk
            for event in ProviderEvent.objects.filter(Q(status=EventStatus.DEAD) | stuck, provider=code)[:500]
        ]  # fmt: skip
        last = ProviderEvent.objects.filter(provider=code).order_by("-received_at").values_list("received_at", flat=True).first()
        pays = BillingAccount.objects.filter(provider=code, workspace__subscription__external_id__gt="").exists()
        if pays and "events" in registry.by_code(code).capabilities and (last is None or now - last > SILENCE):
            rows.append(drifting.found(DriftKind.INBOX, code, "silence", facts={"last": last and last.isoformat()}).pk)
        Drift.objects.filter(provider=code, kind=DriftKind.INBOX, closed_at=None).exclude(pk__in=rows).update(closed_at=now)


def _ops(code: str) -> None:
    """What we asked and never heard the end of."""
    now = clock.real_now()
    with sides.control_unit():
        old = ProviderOp.objects.filter(provider=code, state=OpState.ASKED, made_at__lt=now - timedelta(hours=24)).select_related("account")[:500]
        rows = [drifting.found(DriftKind.OPS, code, row.key, account=row.account, facts={"kind": row.kind, "error": row.error[:200]}).pk for row in old]
        Drift.objects.filter(provider=code, kind=DriftKind.OPS, closed_at=None).exclude(pk__in=rows).update(closed_at=now)


def standing() -> list[dict[str, Any]]:
    """The open differences, oldest first, as the command prints them. Opens a control unit."""
    with sides.control_unit():
        return list(map(_shown, Drift.objects.filter(closed_at=None).select_related("account").order_by("found_at", "pk")))


def _shown(row: Drift) -> dict[str, Any]:
    age = clock.real_now() - row.found_at
    return {
        "kind": row.kind, "provider": row.provider, "subject": row.subject, "workspace": row.account.slug if row.account else "", "facts": row.facts,
        "money_minor": row.money_minor, "currency": row.currency, "age_hours": round(age.total_seconds() / 3600, 1),
    }  # fmt: skip


@jobs.register(HOURLY, kind=Kind.LONG)
def hourly(_pk: int, *, lease: Lease) -> None:
    """The short one."""
    reconcile(full=False, fix=True, beat=_beat(lease))


@jobs.register(NIGHTLY, kind=Kind.LONG)
def nightly(_pk: int, *, lease: Lease) -> Again | None:
    """The full one, in slices: each begins behind the account at which the last one ended."""
    todo = list(_after(dict(lease.checkpoint)))
    for group, pk in todo:
        _compared(group, pk, fix=True, full=True)
        with sides.control_unit():
            lease.beat({"code": group, "pk": pk})
        if lease.should_yield():
            return Again()
    reconcile_rest(full=True, beat=_beat(lease))
    return None


def _after(checkpoint: dict[str, Any]) -> Iterator[tuple[str, int]]:
    done = (checkpoint.get("code", ""), checkpoint.get("pk", 0))
    for group in [*registry.codes(), OTHERS]:
        yield from ((group, pk) for pk in (others() if group == OTHERS else accounts(group, full=True)) if (group, pk) > done)


def reconcile_rest(*, full: bool, beat: Beat) -> None:
    """What is of no one account."""
    for code in registry.codes():
        beat()
        try:
            catching.catch_up(code)
            if full:
                _strangers(registry.by_code(code))
                _catalogue(registry.by_code(code))
        except ProviderUnavailable:
            _log.warning("a provider could not be reconciled: it does not answer", extra={"provider": code})
            continue
        _inbox(code)
        _ops(code)
        now = clock.real_now()
        with sides.control_unit():
            Cursor.objects.update_or_create(provider=code, defaults={"reconciled_at": now} | ({"reconciled_fully_at": now} if full else {}))


def _beat(lease: Lease) -> Beat:
    def beat() -> None:
        with sides.control_unit():
            lease.beat()

    return beat


def leave_due(now: datetime) -> None:
    """Leave the reconciliations whose time has come. Inside a control unit."""
    for code in registry.codes():
        cursor = Cursor.objects.filter(provider=code).first()
        if cursor is None or cursor.reconciled_fully_at is None or now - cursor.reconciled_fully_at > timedelta(hours=24):
            jobs.later(NIGHTLY, 0, key=NIGHTLY)
        elif cursor.reconciled_at is None or now - cursor.reconciled_at > timedelta(hours=1):
            jobs.later(HOURLY, 0, key=HOURLY)
