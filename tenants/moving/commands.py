"""`bin/crm move-workspace`: to another database, back again, or taking leave of the old place."""

from __future__ import annotations

from typing import Any

import click

from crm_platform.db.sides import control_unit
from crm_platform.kernel import commands
from crm_platform.kernel.commands import answer, as_json, workspace_option
from tenants.finding import awake, by_slug
from tenants.models import Move, Workspace

from . import services


def described(move: Move, *, slug: str) -> dict[str, Any]:
    """A move as the command line shows it."""
    return {
        "workspace": slug, "from": move.from_alias, "to": move.to_alias, "step": move.step, "rows": move.rows, "carried_after": move.carried_after,
        "stood_still_ms": move.stood_still_ms, "started_at": move.started_at, "finished_at": move.finished_at, "error": move.error,
    }  # fmt: skip


@commands.command("move-workspace")
@workspace_option
@click.option("--to", default="", help="The database's alias (cell1, cell2, ...).")
@click.option("--back", is_flag=True, help="Back to the database it came from, with what was written since.")
@click.option("--forget", is_flag=True, help="Drop the place it has left, before its day.")
@as_json
def move_workspace(slug: str, to: str, back: bool, forget: bool, as_json: bool) -> None:
    """Move a workspace to another database; it serves meanwhile, and stands still for a moment at the end."""
    if sum(map(bool, (to, back, forget))) != 1:
        raise click.UsageError("Give one of --to ALIAS, --back and --forget.")
    workspace = by_slug(slug) if forget else awake(slug)
    if forget:
        dropped = services.forget_old(workspace)
        answer({"dropped": dropped}, as_json=as_json, text=f"{dropped} old places dropped.")
        return
    to = services.came_from(workspace) if back else to
    move = _unfinished(workspace, to=to) or services.begin(workspace, to=to)
    move = services.proceed(move, say=lambda step: None if as_json else click.echo(f"{step} ...", err=True))
    text = f"{slug} lives in {move.to_alias} now: {move.rows} rows, {move.carried_after} of them carried after; it stood still for {move.stood_still_ms or 0} ms."
    answer(described(move, slug=slug), as_json=as_json, text=text)


def _unfinished(workspace: Workspace, *, to: str) -> Move | None:
    """A killed command's move to the same place is taken up; one that is under way refuses by its turn."""
    with control_unit():
        return Move.objects.filter(workspace=workspace, finished_at=None, to_alias=to).first()
