"""Archives on the command line."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from crm_platform.db import sides
from crm_platform.events.backbone import emit
from crm_platform.kernel import commands
from crm_platform.kernel.commands import answer, as_json, workspace_option
from crm_platform.kernel.permissions import robot
from tenants import routing
from tenants.finding import awake

from . import making, restoring

_ROBOT = robot("command line")


@commands.command("archive-workspace")
@workspace_option
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="Where the archive goes: a ZIP file.")
@as_json
def archive_workspace(slug: str, out: Path, as_json: bool) -> None:
    """Write a whole workspace into one file: rows, files, history, settings, and pages that open offline."""
    place, begun = awake(slug).place, time.monotonic()
    out = out.absolute()
    if not out.parent.is_dir():
        raise click.UsageError(f"There is no folder {out.parent}.")
    folder = out.with_name(f".{out.name}.making")
    folder.mkdir(mode=0o700, exist_ok=True)
    made = making.make(place, folder, say=_say)
    assert made is not None  # noqa: S101 (nobody asks this one to wait)
    made.path.chmod(0o600)  # everything that a firm has: nobody else's on this machine
    made.path.replace(out)
    making.forget(folder)
    content = made.content
    rows = {name: table["rows"] for name, table in content["tables"].items()}
    with sides.unit(place):
        emit(_ROBOT, "archive.made", entity="archive", record_id=None, after={"rows": sum(rows.values()), "files": content["files"]["count"]}, also=["workspace:1"])
    told = {"file": str(out), "bytes": made.size, "sha256": made.sha256, "rows": rows, "files": content["files"], "seconds": round(time.monotonic() - begun, 1)}
    answer(told, as_json=as_json, text=f"{out}: {sum(rows.values())} rows, {content['files']['count']} files, {made.size} bytes")


def _say(done: int, total: int) -> None:
    if total and sys.stderr.isatty():
        click.echo(f"\r{min(100, done * 100 // total)} %", err=True, nl=False)


@commands.command("restore-workspace")
@click.option("--file", "file", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path), help="The archive.")
@click.option("--slug", required=True, help="The address label of the new workspace.")
@click.option("--email", default="", help="Who shall be an owner, where none of the archive's can be reached.")
@click.option("--plan", default="trial", help="trial, free, start, team or business.")
@click.option("--yes", is_flag=True, help="Do not ask whether it is the right firm's.")
@as_json
def restore_workspace(file: Path, slug: str, email: str, plan: str, yes: bool, as_json: bool) -> None:
    """Make a workspace of an archive; everyone with access gets a letter to choose a password."""
    begun = time.monotonic()
    seen = restoring.preview(file, email=email)
    click.echo(f"The archive of “{seen.firm}” ({seen.url}), made {seen.made_at}: {seen.letters} people had access there, and each gets a letter.", err=True)
    if seen.stranger and not yes:  # of another firm's archive by mistake, a stranger would read all of it
        click.confirm(f"{email} is none of them, and would be an owner who sees all that this firm has. Is it the right archive?", abort=True, err=True)
    restored = restoring.restore(file, slug=slug, email=email, plan=plan)
    place = restored.workspace.place
    told: dict[str, Any] = {
        "of": {"firm": seen.firm, "url": seen.url, "made_at": seen.made_at}, "public_id": place.public_id, "slug": slug, "url": routing.url_of(place), "tables": {name: asdict(one) for name, one in restored.rows.items()},
        "files": restored.files, "missing": restored.missing, "letters": restored.letters, "over": restored.over, "seconds": round(time.monotonic() - begun, 1),
    }  # fmt: skip
    rows = sum(one.rows for one in restored.rows.values())
    answer(told, as_json=as_json, text=f"{place.name}: {told['url']}  ({rows} rows, {restored.files} files, {restored.letters} letters)")
