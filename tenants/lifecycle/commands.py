"""The command line of a workspace's life: another address, leaving and coming back, suspension, certificates."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from crm_platform.kernel import clock, commands
from crm_platform.kernel.commands import answer, as_json, workspace_option
from tenants import routing
from tenants.finding import awake

from . import certificates, leaving, renaming, suspending, telling
from .models import Entry, SuspensionLevel
from .states import OPERATOR

_operation = click.option("--operation", type=click.UUID, default=None, help="Makes a repeated call the same act.")
_reason = click.option("--reason", default="", help="Why; the people of the workspace and the audit read it.")


def _done(entry: Entry, *, as_json: bool, text: str) -> None:
    """Tell the workspace; answer with the entry of its life."""
    telling.tell(entry)
    facts: dict[str, Any] = {"operation": str(entry.operation), "act": entry.kind, "workspace": entry.workspace.public_id, "state": entry.after, "at": entry.at}
    answer(facts | {"url": routing.url_of(entry.workspace.place)}, as_json=as_json, text=text)


@commands.command("rename-workspace")
@workspace_option
@click.option("--to", required=True, help="The new address label.")
@_operation
@as_json
def rename_workspace(slug: str, to: str, operation: uuid.UUID | None, as_json: bool) -> None:
    """Give a workspace another address; the old one leads to it for twelve months."""
    # Repeated, the workspace is no longer found by the name it had.
    made = renaming.renamed_by(operation) if operation else None
    entry = made or renaming.rename(awake(slug).public_id, to=to.strip().lower(), by=OPERATOR, operation=operation or uuid.uuid4())
    _done(entry, as_json=as_json, text=f"{slug} is {to} now.")


@commands.command("leave-workspace")
@workspace_option
@click.option("--days", type=click.IntRange(min=1), default=30, help="Days until it is erased.")
@_reason
@_operation
@as_json
def leave_workspace(slug: str, days: int, reason: str, operation: uuid.UUID | None, as_json: bool) -> None:
    """Let a workspace go: it can be read and exported, and called back until its date."""
    date = clock.now() + timedelta(days=days)
    entry = leaving.leave(awake(slug).public_id, by=OPERATOR, reason=reason, operation=operation or uuid.uuid4(), erases_at=date)
    _done(entry, as_json=as_json, text=f"{slug} will be erased on {date:%Y-%m-%d}.")


@commands.command("return-workspace")
@workspace_option
@_reason
@_operation
@as_json
def return_workspace(slug: str, reason: str, operation: uuid.UUID | None, as_json: bool) -> None:
    """Call a leaving workspace back."""
    entry = leaving.come_back(awake(slug).public_id, by=OPERATOR, reason=reason, operation=operation or uuid.uuid4())
    _done(entry, as_json=as_json, text=f"{slug} stays.")


@commands.command("suspend-workspace")
@workspace_option
@click.option("--level", type=click.Choice(SuspensionLevel.values), default="closed", help="notice: a banner; read: nobody writes; owner: the owner alone reads; closed: nobody comes in.")
@click.option("--reason", required=True, help="Why; the people of the workspace read it.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), default=None, help="The day on which it ends by itself.")
@_operation
@as_json
def suspend_workspace(slug: str, level: str, reason: str, until: datetime | None, operation: uuid.UUID | None, as_json: bool) -> None:
    """Suspend a workspace as far as the level says."""
    end = until.replace(tzinfo=UTC) if until else None
    entry = suspending.suspend(awake(slug).public_id, level=level, reason=reason, until=end, by=OPERATOR, operation=operation or uuid.uuid4())
    _done(entry, as_json=as_json, text=f"{slug} is suspended: {level}.")


@commands.command("unsuspend-workspace")
@workspace_option
@_reason
@_operation
@as_json
def unsuspend_workspace(slug: str, reason: str, operation: uuid.UUID | None, as_json: bool) -> None:
    """Lift a suspension."""
    entry = suspending.lift(awake(slug).public_id, by=OPERATOR, reason=reason, operation=operation or uuid.uuid4())
    _done(entry, as_json=as_json, text=f"{slug} is open again.")


@commands.command("erasure-certificate")
@click.option("--number", required=True, help="The certificate's number.")
@as_json
def erasure_certificate(number: str, as_json: bool) -> None:
    """Print the certificate of an erasure."""
    certificate = certificates.get(number)
    answer(certificates.facts(certificate), as_json=as_json, text=certificates.text(certificate))
