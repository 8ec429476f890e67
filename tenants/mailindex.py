"""Which workspaces belong to an e-mail address, by its keyed digest: for "find my workspaces"."""

from __future__ import annotations

import hashlib
import hmac

from django.conf import settings

from .models import EmailIndex, State, Workspace


def digest(email: str) -> str:
    """The keyed digest of an address, case and blanks apart."""
    return hmac.new(settings.SECRET_KEY.encode(), b"email-index:" + email.strip().lower().encode(), hashlib.sha256).hexdigest()


def remember(email: str, *, workspace: Workspace) -> None:
    """Note that the address has a person in the workspace; twice is once. Inside a control unit."""
    EmailIndex.objects.get_or_create(digest=digest(email), workspace=workspace)


def forget(email: str, *, workspace: Workspace) -> None:
    """The address has nobody there any more."""
    EmailIndex.objects.filter(digest=digest(email), workspace=workspace).delete()


def workspaces_of(email: str) -> list[Workspace]:
    """The workspaces of an address, by name; those that leave or sleep too, since their people still come in. Inside a control unit."""
    found = Workspace.objects.filter(emails__digest=digest(email), state__in=(State.ACTIVE, State.LEAVING, State.ASLEEP))
    return list(found.order_by("name", "id"))
