"""`bin/crm restore-beside`, `compare-beside`, `return-rows`, `return-all`, `drop-beside`, `show-earlier`."""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import click

from crm_platform.kernel import commands
from crm_platform.kernel.commands import answer, as_json, workspace_option
from tenants.finding import awake, by_slug
from tenants.models import Beside

from . import rows, services

_RECORD = re.compile(r"[\w.-]+:[0-9]{1,18}")
_copy = click.option("--copy", "pk", type=int, default=None, help="Which copy; the last one where none is named.")


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter("write it like 2026-05-31T14:05") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def described(beside: Beside) -> dict[str, Any]:
    """A copy as the command line shows it."""
    return {"copy": beside.pk, "workspace": beside.workspace.slug, "source": beside.source, "moment": beside.moment, "step": beside.step}


@commands.command("restore-beside")
@workspace_option
@click.option("--at", default="", help="The moment wished, like 2026-05-31T14:05 (UTC).")
@click.option("--snapshot", type=int, default=None, help="The snapshot, by its number.")
@as_json
def restore_beside(slug: str, at: str, snapshot: int | None, as_json: bool) -> None:
    """Lay an earlier moment of a workspace beside it; the workspace itself is not touched."""
    beside = services.proceed(services.begin(awake(slug), at=_moment(at) if at else None, snapshot=snapshot))
    where = "the side instance" if beside.source == services.SIDE else "the nearest snapshot before it (no side instance is given by CRM_PITR_URL)" if at else "the snapshot"
    answer(described(beside), as_json=as_json, text=f"Copy {beside.pk} lies beside {slug}. It shows {beside.moment:%Y-%m-%d %H:%M:%S} UTC, from {where}.")


@commands.command("compare-beside")
@workspace_option
@_copy
@as_json
def compare_beside(slug: str, pk: int | None, as_json: bool) -> None:
    """What differs between a workspace and the copy beside it, by table."""
    beside = services.ready(awake(slug), pk)
    found = rows.compare(beside)
    lines = [f"{one.table}\tonly then: {one.only_there}\tonly now: {one.only_here}\tdifferent: {one.different}" for one in found]
    answer({**described(beside), "tables": [asdict(one) for one in found]}, as_json=as_json, text="\n".join(lines) or "Nothing differs.")


@commands.command("return-rows")
@workspace_option
@_copy
@click.option("--table", required=True, help="The table, as compare-beside names it.")
@click.option("--key", "keys", multiple=True, required=True, help="The row's key; may be given several times.")
@as_json
def return_rows(slug: str, pk: int | None, table: str, keys: tuple[str, ...], as_json: bool) -> None:
    """Take single rows back out of the copy, with what hangs on them."""
    done = rows.take_back(services.ready(awake(slug), pk), table=table, keys=keys)
    answer(done, as_json=as_json, text=", ".join(f"{name}: {number}" for name, number in done.items()) or "There are no such rows in the copy.")


@commands.command("return-all")
@workspace_option
@_copy
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
def return_all(slug: str, pk: int | None, yes: bool, as_json: bool) -> None:
    """Put a whole workspace back to the moment of the copy; what it is now is kept behind the fence for some days."""
    beside = services.ready(awake(slug), pk)
    if not yes:
        click.confirm(f"Put {slug} back to {beside.moment:%Y-%m-%d %H:%M} UTC? What was written since is no longer there.", abort=True)
    beside = services.return_all(beside)
    answer(described(beside), as_json=as_json, text=f"{slug} is what it was at {beside.moment:%Y-%m-%d %H:%M} UTC.")


@commands.command("drop-beside")
@workspace_option
@_copy
@as_json
def drop_beside(slug: str, pk: int | None, as_json: bool) -> None:
    """Drop a copy before its day."""
    beside = services.drop(by_slug(slug), pk)
    answer({"dropped": beside.pk}, as_json=as_json, text=f"Copy {beside.pk} is gone.")


@commands.command("show-earlier")
@workspace_option
@click.option("--record", required=True, help="The record, like deal:12.")
@click.option("--at", required=True, help="The moment, like 2026-05-31T14:05 (UTC).")
@as_json
def show_earlier(slug: str, record: str, at: str, as_json: bool) -> None:
    """What was different of one record at a moment, by its history alone."""
    if not _RECORD.fullmatch(record):
        raise click.BadParameter("write the record like deal:12")
    found = rows.earlier(awake(slug), subject=record, at=_moment(at))
    answer(found, as_json=as_json, text="\n".join(f"{name}: {value}" for name, value in found.items()) or "Nothing was different.")
