"""Rights of numbers."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from crm_platform.kernel import permissions
from crm_platform.kernel.permissions import Entity

NUMBERS = permissions.register(Entity("numbers", _("Numbers"), actions=("view",), scoped=False))
