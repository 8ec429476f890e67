"""Rights of products."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from crm_platform.kernel import permissions
from crm_platform.kernel.permissions import Entity

PRODUCTS = permissions.register(Entity("products", _("Products")))
