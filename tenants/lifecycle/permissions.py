"""Whether one may see and change what concerns the workspace as a whole: its address, its own host, its leaving."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from crm_platform.kernel import permissions
from crm_platform.kernel.permissions import Action, Entity

WORKSPACE = permissions.register(Entity("workspace", _("Address and life of the workspace"), actions=(Action.VIEW, Action.EDIT), scoped=False))
