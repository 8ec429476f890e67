"""The command line of payment providers."""

from __future__ import annotations

import click

from billing.models import BillingAccount
from crm_platform.db import sides
from crm_platform.kernel import commands
from crm_platform.kernel.commands import answer, as_json, workspace_option
from crm_platform.kernel.errors import NotFound
from tenants.finding import by_slug

from . import events, reconciling, registry, syncing


@commands.command("billing-sync-catalog")
@as_json
def sync_catalogue(as_json: bool) -> None:
    """Look up every price of every plan at the payment service by its lookup key; make those that are missing."""
    found = {code: sync() for code in registry.codes() if (sync := getattr(registry.by_code(code), "sync_catalogue", None)) is not None}
    text = "\n".join(f"{code}: {one['prices']} prices, {one['prices'] - one['known']} new, {len(one['refused'])} refused" for code, one in found.items())
    answer(found, as_json=as_json, text=text or "No payment service is set up.")


@commands.command("billing-sync")
@workspace_option
@as_json
def sync(slug: str, as_json: bool) -> None:
    """Look at one workspace's account at its payment service, and follow it."""
    workspace = by_slug(slug)
    with sides.control_unit():
        account = BillingAccount.objects.filter(workspace=workspace).first()
    if account is None:
        raise NotFound
    outcome = syncing.sync_account(account.pk, patience=30)
    with sides.control_unit():
        row = BillingAccount.objects.select_related("workspace__subscription__plan").get(pk=account.pk)
        held = getattr(row.workspace, "subscription", None)
        found = {
            "workspace": slug, "outcome": str(outcome), "plan": held and held.plan.code, "version": held and held.plan.version, "seats": held and held.seats,
            "status": held and held.status, "past_due_since": held and held.past_due_since, "period_end": held and held.period_end, "synced_at": row.synced_at,
        }  # fmt: skip
    answer(found, as_json=as_json, text=f"{slug}: {found['outcome']}; {found['plan']} {found['version']}, {found['seats']} seats, {found['status']}")


@commands.command("billing-reconcile")
@click.option("--fix", is_flag=True, help="Let what we have follow the payment service. Nothing is charged, cancelled or given back.")
@click.option("--quick", is_flag=True, help="As each hour: only accounts that were not looked at lately.")
@as_json
def reconcile(fix: bool, quick: bool, as_json: bool) -> None:
    """Compare every account, event, price and operation with the payment service; print what differs, with its age and the money at risk."""
    found = reconciling.reconcile(full=not quick, fix=fix)
    lines = [f"{one['kind']}  {one['workspace'] or one['subject']}  {one['money_minor']} {one['currency']}  {one['age_hours']} h" for one in found]
    answer({"drift": found}, as_json=as_json, text="\n".join(lines) or "Nothing differs.")


@commands.command("billing-replay")
@click.argument("event")
@as_json
def replay(event: str, as_json: bool) -> None:
    """Work through an event of the payment service once more, whatever became of it."""
    with sides.control_unit():
        row = events.replay(event)
    answer({"event": event, "kind": row.kind, "status": row.status}, as_json=as_json, text=f"{event} ({row.kind}) is looked at again.")
