"""What happens when a workspace is claimed: owners register what they put into it before it becomes active.

Two steps, since no transaction spans both sides: `inside` functions run in one unit of the workspace, `on_control`
functions in one unit of the control side after it. Both must be idempotent: a sweeper may run them again. A workspace
that comes back from an archive has its rows already: there the `returned` functions run instead of the `inside` ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from crm_platform.kernel.workspace import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceClaimed:
    """The facts of a claim.

    `password` is already hashed; `plan` is "trial" or a plan's code; `language` one of the five; `currency` ISO 4217. `at` is the
    moment from which both sides count.
    """

    place: Place
    operation: str
    firm: str
    email: str
    password: str
    name: str
    language: str
    time_zone: str
    currency: str
    country: str
    plan: str
    at: datetime


Function = Callable[[WorkspaceClaimed], None]
_inside: list[tuple[int, Function]] = []
_returned: list[tuple[int, Function]] = []
_control: list[tuple[int, Function]] = []


def inside(order: int) -> Callable[[Function], Function]:
    """Register a function for the workspace's side; lower orders first (people 10, plan 20, product 30)."""

    def keep(function: Function) -> Function:
        _inside.append((order, function))
        return function

    return keep


def returned(order: int) -> Callable[[Function], Function]:
    """Register a function for the side of a workspace that comes back from an archive: its plan, its timers, what was at work."""

    def keep(function: Function) -> Function:
        _returned.append((order, function))
        return function

    return keep


def on_control(order: int) -> Callable[[Function], Function]:
    """Register a function for the control side."""

    def keep(function: Function) -> Function:
        _control.append((order, function))
        return function

    return keep


def fill_inside(claimed: WorkspaceClaimed) -> None:
    """Run what was registered for the workspace's side, in order, in the unit the caller opened."""
    for _order, function in sorted(_inside, key=lambda pair: pair[0]):
        function(claimed)


def fill_returned(claimed: WorkspaceClaimed) -> None:
    """Run what was registered for workspaces that come back, in order, in the unit the caller opened."""
    for _order, function in sorted(_returned, key=lambda pair: pair[0]):
        function(claimed)


def fill_control(claimed: WorkspaceClaimed) -> None:
    """Run what was registered for the control side, in the unit the caller opened."""
    for _order, function in sorted(_control, key=lambda pair: pair[0]):
        function(claimed)
