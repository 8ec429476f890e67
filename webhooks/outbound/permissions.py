"""Who may have events told to other programs: administrators, and roles to which the firm gives it."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from crm_platform.kernel import permissions
from crm_platform.kernel.permissions import Action, Entity

HOOKS = permissions.register(Entity("hooks", _("Webhooks"), actions=(Action.EDIT,), scoped=False))
