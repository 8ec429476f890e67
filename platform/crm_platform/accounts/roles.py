"""The roles every workspace starts with, and what they may do where nobody has decided otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from crm_platform.kernel import permissions
from crm_platform.kernel.permissions import Action, Entity, Scope

from .models import Role

OWNER, ADMINISTRATOR, MANAGER, SELLER, VIEWER = "owner", "administrator", "manager", "seller", "viewer"
LABELS = {
    OWNER: _("Owner"), ADMINISTRATOR: _("Administrator"), MANAGER: _("Manager"), SELLER: _("Seller"), VIEWER: _("Viewer"),
}  # fmt: skip

PEOPLE = permissions.register(Entity("people", _("People and roles"), actions=(Action.VIEW, Action.EDIT), scoped=False))
SETTINGS = permissions.register(Entity("settings", _("Settings of the firm"), actions=(Action.EDIT,), scoped=False))


@dataclass(frozen=True, slots=True)
class Default:
    """How far each action reaches by default; settings-like entities are not allowed unless listed."""

    scopes: Mapping[str, Scope]
    unscoped: frozenset[str] = frozenset()


_ALL, _TEAM, _OWN = Scope.ALL, Scope.TEAM, Scope.OWN
DEFAULTS: dict[str, Default] = {
    MANAGER: Default({"view": _ALL, "create": _ALL, "edit": _ALL, "delete": _TEAM, "export": _TEAM}, frozenset({"people.view", "numbers.view", "stored.view", "stored.create", "stored.edit", "stored.delete"})),
    SELLER: Default({"view": _TEAM, "create": _ALL, "edit": _OWN, "delete": _OWN}, frozenset({"people.view", "numbers.view", "stored.view", "stored.create", "stored.edit"})),
    VIEWER: Default({"view": _ALL}, frozenset({"people.view", "numbers.view", "stored.view"})),
}
_BUILTIN: list[dict[str, Any]] = [
    {"code": OWNER, "name": gettext_noop("Owner"), "everything": True},
    {"code": ADMINISTRATOR, "name": gettext_noop("Administrator"), "everything": True},
    {"code": MANAGER, "name": gettext_noop("Manager")},
    {"code": SELLER, "name": gettext_noop("Seller")},
    {"code": VIEWER, "name": gettext_noop("Viewer"), "view_only": True},
]


def make_builtin() -> None:
    """Write the roles of a new workspace; twice is once."""
    if Role.objects.exists():
        return
    Role.objects.bulk_create([Role(**row, builtin=True, order=order) for order, row in enumerate(_BUILTIN)])


def label_of(role: Role) -> str:
    """The role's name in the reader's language where it is one of ours."""
    return str(LABELS.get(role.code, role.name))


def rights_of(role: Role) -> dict[str, Scope]:
    """The whole matrix of a role: its defaults, and above them what the firm decided."""
    default = DEFAULTS.get(role.code)
    rights: dict[str, Scope] = {}
    for entity in permissions.entities():
        for action in entity.actions:
            key = f"{entity.code}.{action}"
            rights[key] = _default_scope(default, entity, action)
    rights.update({key: Scope(value) for key, value in role.rights.items() if key in rights})
    return rights


def _default_scope(default: Default | None, entity: Entity, action: str) -> Scope:
    if default is None:
        return Scope.NONE
    if not entity.scoped:
        return Scope.ALL if f"{entity.code}.{action}" in default.unscoped else Scope.NONE
    return default.scopes.get(action, Scope.NONE)
