"""Closing the list of first steps, and bringing it back."""

from __future__ import annotations

from crm_platform.kernel import preferences
from crm_platform.kernel.permissions import Actor, robot
from tenants.inside import services as inside


def show(actor: Actor) -> None:
    """Offer the list beside the boards again. Raises Forbidden."""
    inside.change_preferences(actor, first_steps=True)


def close(actor: Actor) -> None:
    """Take the list off the boards of everyone who sees it. Raises Forbidden."""
    inside.change_preferences(actor, first_steps=False)


def finish() -> None:
    """All is done: the list goes by itself, and no board asks for it any more."""
    close(robot("first hour"))


def is_offered() -> bool:
    """Whether the list is offered. What a process believes for some seconds answers most; only a yes is asked of the row itself, so that who closed it does not meet it again."""
    return preferences.here().first_steps and inside.preferences().first_steps
