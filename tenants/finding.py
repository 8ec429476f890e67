"""A workspace by what an operator types."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from crm_platform.db import sides
from crm_platform.kernel.errors import NotFound

from .models import NOBODYS, Workspace


class NoSuchWorkspace(NotFound):
    """The command names an address nobody has."""

    code = "no_such_workspace"
    sentence = _("No workspace has the address “{slug}”.")


def by_slug(slug: str) -> Workspace:
    """The workspace of an address label; raises NoSuchWorkspace."""
    with sides.control_unit():
        found = Workspace.objects.filter(slug=slug).exclude(state__in=NOBODYS).first()
    if found is None:
        raise NoSuchWorkspace(slug=slug)
    return found
