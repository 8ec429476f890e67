"""`bin/crm rollout start|status|pause|resume|retry`."""

from __future__ import annotations

import getpass
from typing import Any

import click

from crm_platform.db.sides import control_unit
from crm_platform.kernel import commands
from crm_platform.kernel.commands import answer, as_json

from . import run, steps
from .models import Rollout


@commands.group.group("rollout")
def rollout_group() -> None:
    """Bring the workspaces to this release, ring by ring; the keeper does the work."""


def _by() -> str:
    try:
        return f"the command line ({getpass.getuser()})"
    except (KeyError, OSError):
        return "the command line"


def _tell(as_json: bool) -> None:
    with control_unit():
        facts = steps.status()
    answer(facts, as_json=as_json, text="\n".join(_lines(facts)))


def _lines(facts: dict[str, Any]) -> list[str]:
    lines = [f"This release: {facts['version']}", f"Workspaces behind: {facts['behind']}"]
    found = facts["rollout"]
    if found is None:
        return [*lines, "No rollout has been started."]
    why = f" ({found['reason']})" if found["reason"] else ""
    lines.append(f"Rollout: {found['state']}{why}, ring {found['ring']}, by {found['started_by']}")
    lines.append(f"Done {found['done']}, waiting {found['waiting']}, failed {found['failed']}, in {found['seconds']} s ({found['per_second'] or 0} a second)")
    lines += [f"  {number} × {error}" for error, number in found["errors"].items()]
    lines += [f"  failed: {', '.join(slug or '?' for slug in found['failing'])}"] if found["failing"] else []
    return lines


@rollout_group.command("start")
@click.option("--parallel", type=click.IntRange(1, 16), default=2, help="How many workspaces are changed at once.")
@click.option("--soak", type=click.IntRange(0), default=0, help="Seconds a ring must stand before the next begins.")
@click.option("--most-failures", type=click.FloatRange(0, 1), default=0.05, help="The share that may fail before it halts.")
@click.option("--here", is_flag=True, help="Work in this process, until it is through, instead of leaving it to the keeper.")
@as_json
def start(parallel: int, soak: int, most_failures: float, here: bool, as_json: bool) -> None:
    """Open a rollout of all workspaces that are behind."""
    made = steps.start(by=_by(), parallel=parallel, soak=soak, most_failures=most_failures)
    if here:
        run.work(made)
    _tell(as_json)


@rollout_group.command("status")
@as_json
def status(as_json: bool) -> None:
    """How far it is."""
    _tell(as_json)


@rollout_group.command("pause")
@as_json
def pause(as_json: bool) -> None:
    """Stop after the workspaces at work."""
    steps.pause(by=_by())
    _tell(as_json)


@rollout_group.command("resume")
@as_json
def resume(as_json: bool) -> None:
    """Go on after a pause or a halt; what has failed is left."""
    steps.resume()
    _tell(as_json)


@rollout_group.command("retry")
@click.option("--here", is_flag=True, help="Work in this process.")
@as_json
def retry(here: bool, as_json: bool) -> None:
    """Try again what has failed."""
    found: Rollout = steps.retry()[0]
    if here:
        run.work(found)
    _tell(as_json)
