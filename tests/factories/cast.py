"""The whole cast: one person of each role, and what a stranger holds."""

from __future__ import annotations

from crm_platform.accounts import roles, services
from crm_platform.accounts.actors import actor_of
from crm_platform.accounts.models import Access, Group, Role, User
from crm_platform.kernel.permissions import Actor


def person(role: str, *, name: str, group: Group | None = None) -> User:
    """An active person of a role."""
    made = services._new_person(email=f"{name.lower()}@veldhuis.example", name=name, role=Role.objects.get(code=role))
    made.access, made.is_active, made.group = Access.ACTIVE, True, group
    made.save()
    return User.objects.select_related("role", "group").get(pk=made.pk)


def actor(role: str, *, name: str = "", group: Group | None = None) -> Actor:
    """An actor of a role."""
    return actor_of(person(role, name=name or role.title(), group=group))


def cast() -> dict[str, Actor]:
    """Everyone: seller and manager stand in one group, "other" is a seller of another."""
    north, south = Group.objects.create(name="North"), Group.objects.create(name="South")
    return {
        "owner": actor(roles.OWNER, name="Otto"),
        "administrator": actor(roles.ADMINISTRATOR, name="Ada"),
        "manager": actor(roles.MANAGER, name="Mia", group=north),
        "seller": actor(roles.SELLER, name="Sam", group=north),
        "mate": actor(roles.SELLER, name="Max", group=north),
        "other": actor(roles.SELLER, name="Una", group=south),
        "viewer": actor(roles.VIEWER, name="Vera"),
    }
