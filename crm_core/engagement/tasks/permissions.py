"""Rights of tasks."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from crm_platform.kernel import permissions
from crm_platform.kernel.permissions import Entity

TASKS = permissions.register(Entity("tasks", _("Tasks"), actions=("view", "create", "edit", "delete")))
