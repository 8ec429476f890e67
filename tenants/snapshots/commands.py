"""`bin/crm snapshot-workspace` and `list-snapshots`."""

from __future__ import annotations

import click

from crm_platform.db.sides import control_unit
from crm_platform.kernel import commands
from crm_platform.kernel.commands import answer, as_json, workspace_option
from tenants.finding import awake, by_slug
from tenants.models import Snapshot

from . import services


@commands.command("snapshot-workspace")
@workspace_option
@click.option("--keep", is_flag=True, help="Keep it beyond the days of the others.")
@as_json
def snapshot_workspace(slug: str, keep: bool, as_json: bool) -> None:
    """Take an internal snapshot of a workspace: complete, sealed, never handed out."""
    row = services.take(awake(slug), why="by hand", keep=keep)
    answer(services.described(row, slug=slug), as_json=as_json, text=f"Snapshot {row.pk} of {slug}: {row.rows} rows, {row.bytes} bytes, read back and found equal.")


@commands.command("list-snapshots")
@workspace_option
@as_json
def list_snapshots(slug: str, as_json: bool) -> None:
    """The snapshots kept of a workspace, the newest first."""
    workspace = by_slug(slug)
    with control_unit():
        rows = [services.described(row, slug=slug) for row in Snapshot.objects.filter(workspace=workspace, finished_at__isnull=False).order_by("-taken_at")]
    answer(rows, as_json=as_json, text="\n".join(f"{row['id']}\t{row['taken_at']:%Y-%m-%d %H:%M} UTC\t{row['why']}\t{row['rows']} rows\t{row['bytes']} bytes" for row in rows))
