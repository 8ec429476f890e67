"""The throw-away workspaces of a proof, and how one knocks at their doors.

`mine` and `twin` count their ids from 1 and are filled alike, so that the same number names a row in both: what opens by
number alone is seen there. `other` counts from 10^9: a number of its is nobody else's.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.test import Client
from django.utils.module_loading import import_string

from crm_platform.accounts import tokens
from crm_platform.accounts.models import User
from crm_platform.db import sides
from crm_platform.kernel import clock, ids
from crm_platform.kernel.workspace import Place
from tenants import routing
from tenants.creating import Wish, create_workspace
from tenants.models import Workspace
from tenants.provisioning import owner, pool

from . import filling

OTHERS_IDS = 10**9
# All three have a person of this address: an e-mail names nobody across workspaces.
EMAIL = "olga@isolation.example"


@dataclass(frozen=True, slots=True)
class House:
    """A workspace with its owner, and a word that stands in every text of its."""

    workspace: Workspace
    place: Place
    mark: str
    password: str

    @property
    def host(self) -> str:
        """Its address."""
        return f"{self.place.slug}.{settings.PUBLIC_HOST}"

    def stranger(self) -> Client:
        """A browser at its door, with nothing in hand."""
        return Client(HTTP_HOST=self.host, raise_request_exception=False)

    def client(self) -> Client:
        """A browser of its owner, logged in."""
        client = self.stranger()
        client.cookies[settings.SESSION_COOKIE_NAME] = session_of(self.place)
        return client

    def token(self) -> str:
        """A program's token of its owner."""
        with sides.unit(self.place):
            return tokens.make_api_token(User.objects.get(email=EMAIL), name=f"{self.mark} token")


def session_of(place: Place) -> str:
    """The key of a fresh session of the owner."""
    store = import_string(f"{settings.SESSION_ENGINE}.SessionStore")
    with sides.unit(place):
        person = User.objects.get(email=EMAIL)
        session: Any = store()
        session[SESSION_KEY], session[BACKEND_SESSION_KEY] = str(person.pk), settings.AUTHENTICATION_BACKENDS[0]
        session[HASH_SESSION_KEY] = person.get_session_auth_hash()
        session.save()
    return str(session.session_key)


@dataclass(frozen=True, slots=True)
class Houses:
    """The three of a proof."""

    mine: House
    other: House
    twin: House

    def all(self) -> tuple[House, House, House]:
        """One after the other."""
        return self.mine, self.other, self.twin


@contextmanager
def made() -> Iterator[Houses]:
    """Three workspaces out of the pool, erased at the end. Needs the owner's login."""
    built: list[House] = []
    try:
        built.extend((_house("mine"), _house("twin")))
        pool.fill(to=1, cell=owner.FIRST)
        with owner.seated():
            pool.count_from(OTHERS_IDS)
        built.append(_house("other"))
        mine, twin, other = built
        yield Houses(mine, other, twin)
    finally:
        for house in built:
            _erase(house)


def _house(name: str) -> House:
    pool.fill(to=1, cell=owner.FIRST)
    mark, password = f"{name}{ids.random_id(6)}", f"{secrets.token_urlsafe(12)}-7"
    wish = Wish(firm=f"Proof {mark}", slug=f"proof-{ids.random_id(10)}", email=EMAIL, password=password, name=f"Olga {mark}", plan="business", cell=owner.FIRST)
    workspace = create_workspace(wish, operation=uuid.uuid4())
    with sides.unit(workspace.place):
        User.objects.filter(email=EMAIL).update(email_confirmed_at=clock.real_now())
    return House(workspace, workspace.place, mark, password)


def _erase(house: House) -> None:
    """Without a trace: a house that nobody lived in needs no certificate."""
    filling.empty(house.place.public_id)
    with sides.control_unit():
        standing = Workspace.objects.filter(pk=house.workspace.pk).first()
    if standing is not None:
        pool.discard(standing)
    routing.forget()
