"""Who may move money by hand: the operator's people and the house itself (both act as robots), never a firm's person or program."""

from __future__ import annotations

from crm_platform.kernel.errors import Forbidden
from crm_platform.kernel.permissions import Actor, ActorKind


def require_money(actor: Actor) -> None:
    """Raise Forbidden for whoever may not move money, an owner of a workspace included."""
    if actor.user_id is not None or actor.kind is not ActorKind.ROBOT or not actor.everything:
        raise Forbidden(right="money")
