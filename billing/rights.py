"""Who may see and change what a workspace pays for: owners and administrators, and roles that were given the right."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from crm_platform.kernel import permissions
from crm_platform.kernel.permissions import Action, Actor, Entity, as_ever, require

BILLING = permissions.register(Entity("billing", _("Plan, seats and invoices"), actions=(Action.VIEW, Action.EDIT), scoped=False))


def require_to_see(actor: Actor) -> None:
    """Raises Forbidden. A workspace that may not be written can still be paid for, so its access is left out of it."""
    require(as_ever(actor), BILLING.right(Action.VIEW))


def require_to_change(actor: Actor) -> None:
    """The same for whatever costs or saves money."""
    require(as_ever(actor), BILLING.right(Action.EDIT))
