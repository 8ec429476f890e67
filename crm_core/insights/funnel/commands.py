"""The funnel on the command line."""

from __future__ import annotations

from typing import Any

from crm_platform.db import sides
from crm_platform.kernel import commands, money
from crm_platform.kernel.commands import answer, as_json, workspace_option
from crm_platform.kernel.permissions import robot
from tenants.finding import awake

from . import queries


@commands.command("funnel")
@workspace_option
@as_json
def funnel(slug: str, as_json: bool) -> None:
    """The funnel's figures: all deals of the workspace."""
    with sides.unit(awake(slug).place):
        found = queries.funnel(robot("command line"))
    body = {
        "deals": found.deals,
        "won": {"count": found.won.count, "sum": _major(found.won.sum, found.currency)},
        "lost": {"count": found.lost.count},
        "win_rate": found.win_rate,
        "stages": [{"name": row.name, "count": row.count, "sum": _major(row.sum, found.currency)} for row in found.stages],
        "sellers": [{"name": row.name, "won_sum": _major(row.sum, found.currency)} for row in found.sellers],
    }
    answer(body, as_json=as_json, text="\n".join(f"{name}: {value}" for name, value in body.items()))


def _major(minor: int, currency: str) -> Any:
    value = money.major(minor, currency=currency)
    return int(value) if value == value.to_integral_value() else float(value)
