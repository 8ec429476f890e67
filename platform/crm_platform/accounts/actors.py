"""From a person to who acts."""

from __future__ import annotations

from crm_platform.kernel import access
from crm_platform.kernel.permissions import Actor

from .models import User
from .roles import rights_of
from .seats import looks_only


def actor_of(person: User) -> Actor:
    """The actor of a person with role and group loaded."""
    role = person.role
    return Actor(
        user_id=person.pk,
        name=person.name or person.email or "",
        role=role.code,
        group_id=person.group_id,
        rights={} if role.everything else rights_of(role),
        everything=role.everything,
        view_only=role.view_only or looks_only(person),
        read_only=access.here().level < access.Level.FULL,
    )
