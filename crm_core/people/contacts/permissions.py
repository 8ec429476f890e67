"""Rights of contacts."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from crm_platform.kernel import permissions
from crm_platform.kernel.permissions import Entity

CONTACTS = permissions.register(Entity("contacts", _("Contacts")))
