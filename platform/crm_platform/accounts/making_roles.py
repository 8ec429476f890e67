"""Roles of the firm's own, beside those that every workspace starts with."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

from crm_platform.events.backbone import emit
from crm_platform.kernel.errors import Conflict, Invalid, NotFound
from crm_platform.kernel.permissions import Action, Actor, require

from . import roles
from .models import Role, User


class RoleInUse(Conflict):
    """People have this role."""

    code = "role_in_use"
    sentence = _("{count} people have this role. Give them another first.")


def add_role(actor: Actor, *, name: str, rights: Mapping[str, int]) -> Role:
    """A role with a matrix of its own; whatever the matrix does not name is not allowed. Raises Invalid, Forbidden."""
    require(actor, roles.PEOPLE.right(Action.EDIT))
    role = Role.objects.create(code=f"own-{secrets.token_hex(6)}", name=_named(name), rights=dict(rights), order=Role.objects.count())
    emit(actor, "role.added", entity="role", record_id=role.pk, after={"name": role.name, **rights})
    return role


def _named(name: str) -> str:
    name = " ".join(name.split())[:120]
    if not name:
        raise Invalid(fields={"name": [_("Give it a name.")]})
    return name


def get_role(pk: int, *, own: bool = False) -> Role:
    """A role, locked; raises NotFound, and Invalid where `own` is asked and it is one that every workspace has."""
    role = Role.objects.select_for_update().filter(pk=pk).first()
    if role is None:
        raise NotFound
    if own and role.builtin:
        raise Invalid(fields={"id": [_("This role belongs to every workspace; it is neither renamed nor removed.")]})
    return role


def rename_role(actor: Actor, pk: int, *, name: str) -> Role:
    """Another name for a role of the firm's own."""
    require(actor, roles.PEOPLE.right(Action.EDIT))
    role = get_role(pk, own=True)
    before, role.name = role.name, _named(name)
    if role.name != before:
        role.save(update_fields=["name"])
        emit(actor, "role.changed", entity="role", record_id=pk, before={"name": before}, after={"name": role.name})
    return role


def remove_role(actor: Actor, pk: int) -> None:
    """Remove a role of the firm's own that nobody has. Raises RoleInUse."""
    require(actor, roles.PEOPLE.right(Action.EDIT))
    role = get_role(pk, own=True)
    count = User.objects.filter(role=role).count()
    if count:
        raise RoleInUse(count=count)
    role.delete()
    emit(actor, "role.removed", entity="role", record_id=pk, before={"name": role.name})
