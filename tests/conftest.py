"""Fixtures of both kinds (style 4.7): `inside` for services, `doors` for everything that a browser or program opens.

No test uses pytest-django's `django_db`: it would make databases as the application's login.
"""

from __future__ import annotations

import socket
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from unittest import mock

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connections, transaction
from django.test import Client
from django.urls import set_urlconf
from django.utils import translation

from crm_platform.db import sides
from crm_platform.kernel import clock, gates, ids, units
from crm_platform.kernel.workspace import Place
from tenants import routing
from tenants.creating import Wish, create_workspace
from tenants.models import State, Workspace
from tenants.provisioning import bootstrap, owner, pool
from tests import recycling
from tests.recycling import Recycler

PASSWORD = "a-long-enough-sentence-7"


@pytest.fixture(scope="session", autouse=True)
def house(django_db_blocker: Any) -> None:
    """The database brought to this release, with a few ready workspaces."""
    with django_db_blocker.unblock():
        bootstrap.run(pool_size=4)


@pytest.fixture(scope="session")
def recycler(house: None, django_db_blocker: Any) -> Iterator[Recycler]:
    """Makes ready workspaces of those that tests had."""
    with recycling.recycler(django_db_blocker.unblock) as found:
        yield found


@pytest.fixture(scope="session")
def django_db_setup() -> None:
    """Overrides pytest-django: `house` prepares the database."""


@pytest.fixture(autouse=True)
def in_english() -> None:
    """A page that a test before read in another language leaves that on in its thread."""
    translation.activate("en")


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """The world outside is a stand-in: nothing leaves this machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"a test called out to {address[0]}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


def new_workspace(*, plan: str = "trial", firm: str = "Atelier Veldhuis", email: str = "olga@veldhuis.example", cell: str = "") -> Workspace:
    """A committed workspace with its owner, claimed from the pool as sign-up does it."""
    slug = f"t-{ids.random_id(10)}"
    wish = Wish(firm=firm, slug=slug, email=email, password=PASSWORD, name="Olga de Wit", plan=plan, cell=cell)
    return create_workspace(wish, operation=uuid.uuid4())


@pytest.fixture(scope="session")
def session_workspace(house: None, django_db_blocker: Any) -> Workspace:
    """The one workspace in which rolled-back tests run."""
    with django_db_blocker.unblock():
        return new_workspace()


@pytest.fixture
def inside(session_workspace: Workspace, django_db_blocker: Any) -> Iterator[Place]:
    """An entered workspace in a transaction that is rolled back: for services and queries."""
    place = session_workspace.place
    with django_db_blocker.unblock(), sides.inside(place), units.memory():
        with transaction.atomic(), transaction.atomic("control"):
            yield place
            transaction.set_rollback(True)
            transaction.set_rollback(True, using="control")
        gates.forget()


@pytest.fixture
def workspace_addresses() -> Iterator[None]:
    """Addresses are those of a workspace's site, as the middleware says for a request."""
    set_urlconf(settings.WORKSPACE_URLCONF)
    yield
    set_urlconf(None)


@pytest.fixture
def control_side(house: None, django_db_blocker: Any) -> Iterator[None]:
    """The control side in a transaction that is rolled back."""
    with django_db_blocker.unblock(), sides.outside(), units.memory(), transaction.atomic():
        yield
        transaction.set_rollback(True)


@dataclass(frozen=True)
class Door:
    """A committed workspace and ways to knock: through the real middleware."""

    workspace: Workspace
    place: Place
    host: str

    def client(self, email: str | None = "olga@veldhuis.example") -> Client:
        """A browser at this workspace, logged in as the person of the address (None: a stranger)."""
        client = Client(HTTP_HOST=self.host, raise_request_exception=False)
        if email is not None:
            log_in(client, self.place, email=email)
        return client

    def unit(self) -> Any:
        """A unit of work inside, committed."""
        return sides.unit(self.place)


def log_in(client: Client, place: Place, *, email: str) -> None:
    """Put a session of the person into the workspace and its cookie into the client, without the log-in page."""
    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    from crm_platform.accounts.models import User

    with sides.unit(place):
        person = User.objects.get(email=email)
        session = SessionStore()
        session[SESSION_KEY] = str(person.pk)
        session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
        session[HASH_SESSION_KEY] = person.get_session_auth_hash()
        session.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = session.session_key or ""


def _door(workspace: Workspace) -> Door:
    return Door(workspace, workspace.place, f"{workspace.slug}.localhost")


@pytest.fixture
def make_door(recycler: Recycler, django_db_blocker: Any) -> Iterator[Callable[..., Door]]:
    """Makes committed workspaces: make_door(plan="free", firm=..., email=...)."""
    with django_db_blocker.unblock():
        cache.clear()
        made: list[Workspace] = []

        def make(**wish: str) -> Door:
            made.append(new_workspace(**wish))
            return _door(made[-1])

        yield make
        for workspace in made:
            recycler.take(workspace)
        routing.forget()


@pytest.fixture
def doors(make_door: Callable[..., Door]) -> Door:
    """A fresh committed workspace for one test. What tests before it left half erased is not for the rounds of this one to finish."""
    with sides.control_unit():
        Workspace.objects.filter(state=State.ERASED, erased_at=None).update(erased_at=clock.real_now())
    return make_door()


@pytest.fixture
def two_doors(make_door: Callable[..., Door]) -> Iterator[tuple[Door, Door]]:
    """Two committed workspaces of one database with disjoint id ranges: the second counts from 10^9 (design section 9)."""
    with mock.patch.object(pool, "occupancy", return_value={owner.FIRST: 0}):
        pool.fill(to=2, cell=owner.FIRST)
        first = make_door()
        with owner.seated():
            pool.count_from(10**9)
        yield first, make_door(firm="Eve & Co", email="eve@elsewhere.example")


@pytest.fixture
def public(house: None, django_db_blocker: Any) -> Iterator[Client]:
    """A browser at the public host."""
    with django_db_blocker.unblock():
        cache.clear()
        yield Client(HTTP_HOST="localhost", raise_request_exception=False)
        routing.forget()


@pytest.fixture
def count_statements() -> Callable[[], Any]:
    """Counts statements on every connection: `with count_statements() as count: ...; count() == 7`."""
    from contextlib import contextmanager

    @contextmanager
    def counting() -> Iterator[Callable[[], int]]:
        seen: list[str] = []

        def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            seen.append(sql)
            return execute(sql, params, many, context)

        wrapped = [connections[alias] for alias in (*settings.CELLS, "control")]
        for connection in wrapped:
            connection.execute_wrappers.append(note)
        try:
            yield lambda: len(seen)
        finally:
            for connection in wrapped:
                connection.execute_wrappers.remove(note)

    return counting
