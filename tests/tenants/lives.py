"""What the tests of a workspace's life share: the name servers of the world, and the acts in short."""

from __future__ import annotations

import uuid
from datetime import timedelta

from crm_platform.accounts import services as accounts
from crm_platform.accounts.models import Role, User
from crm_platform.db import sides
from crm_platform.kernel import clock
from tenants.lifecycle import leaving, lookup, telling
from tenants.lifecycle.states import By
from tenants.models import Workspace
from tests.conftest import Door

OPERATOR = By("operator", "Test")


class World:
    """The name servers of the world, as the tests have them."""

    def __init__(self) -> None:
        self.text: dict[str, set[str]] = {}
        self.name: dict[str, str] = {}
        self.number: dict[str, set[str]] = {}
        self.silent = False

    def _speak(self) -> None:
        if self.silent:
            raise lookup.NoAnswer

    def texts(self, name: str) -> set[str]:
        self._speak()
        return self.text.get(name, set())

    def leads_to(self, name: str) -> str:
        self._speak()
        return self.name.get(name, "")

    def numbers(self, name: str) -> set[str]:
        self._speak()
        return self.number.get(name, set())


def let_go(door: Door, *, days: int = 30) -> None:
    """The workspace leaves, and knows it."""
    telling.tell(leaving.leave(door.place.public_id, by=OPERATOR, reason="moving on", operation=uuid.uuid4(), erases_at=clock.now() + timedelta(days=days)))


def row_of(door: Door) -> Workspace:
    """The registry's row as it stands."""
    with sides.control_unit():
        return Workspace.objects.get(pk=door.workspace.pk)


def join(door: Door, role: str) -> str:
    """A person of a role in a committed workspace; gives the address to log in with."""
    email = f"{role}@veldhuis.example"
    with door.unit():
        person = accounts._new_person(email=email, name=role.title(), role=Role.objects.get(code=role))
        person.save()
        User.objects.filter(email=email).update(is_active=True, access="active", email_confirmed_at=clock.real_now())
    return email


def path_of(url: str) -> str:
    return "/" + url.split("/", 3)[3]
