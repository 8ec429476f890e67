"""Who a session belongs to: the person in one statement, role and group from what is kept."""

from __future__ import annotations

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend

from crm_platform.db.prepared import Prepared
from crm_platform.kernel import versions

from .models import Group, Role, User

_PERSON = Prepared(User, lambda pk: User.objects.filter(pk=pk))


def _places() -> tuple[dict[int, Role], dict[int, Group]]:
    """Roles and groups by their keys."""
    return versions.kept("roles_and_groups", ("role", "people_group"), lambda: (Role.objects.in_bulk(), Group.objects.in_bulk()))


class PersonBackend(AuthenticationBackend):  # type: ignore[misc]  # allauth carries no types
    """allauth's, which reads the person without role and group; ours saves two statements a page."""

    def get_user(self, user_id: Any) -> User | None:
        person = _PERSON.first(pk=user_id)
        if person is None or not self.user_can_authenticate(person):
            return None
        roles, groups = _places()
        if person.role_id in roles:
            person.role = roles[person.role_id]
        if person.group_id in groups:
            person.group = groups[person.group_id]
        return person
