"""The command line of plans."""

from __future__ import annotations

import click

from crm_platform.db import sides
from crm_platform.kernel import commands
from crm_platform.kernel.commands import answer, as_json, workspace_option
from crm_platform.kernel.permissions import robot
from tenants.finding import awake

from . import services
from .metering import proof


@commands.command("set-plan")
@workspace_option
@click.option("--plan", required=True, help="free, start, team or business.")
@as_json
def set_plan(slug: str, plan: str, as_json: bool) -> None:
    """Put a workspace on a plan at once."""
    services.change_plan(awake(slug).place, plan, actor=robot("command line"))
    answer({"workspace": slug, "plan": plan}, as_json=as_json, text=f"{slug} is on {plan}.")


@commands.command("recount")
@workspace_option
@as_json
def recount(slug: str, as_json: bool) -> None:
    """Prove that each counter equals its count; mend it where it does not."""
    with sides.unit(awake(slug).place):
        found = proof.prove()
    answer(found, as_json=as_json, text="\n".join(f"{name}: {row['counter']} / {row['count']}" for name, row in found.items()))
