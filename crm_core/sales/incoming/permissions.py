"""Rights of incoming leads: who sees them, and who decides what becomes of them."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from crm_platform.kernel import permissions
from crm_platform.kernel.permissions import Action, Entity

INCOMING = permissions.register(Entity("incoming", _("Unsorted leads"), actions=(Action.VIEW, Action.EDIT)))
