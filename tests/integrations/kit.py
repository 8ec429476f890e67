"""What the tests of integrations share: an integration of a workspace, and its way through the doors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from crm_platform.accounts.actors import actor_of
from crm_platform.accounts.models import User
from crm_platform.integrations import services
from crm_platform.integrations.models import Integration

OWNER = "olga@veldhuis.example"
RETURN = "https://shop.example/back?from=crm"
ASK, TOKEN, KEY, ME = "/oauth", "/oauth2/access_token", "/oauth2/exchange_api_key", "/api/v1/me"


@dataclass(frozen=True)
class Program:
    """An integration as its maker knows it."""

    door: Any
    pk: int
    client_id: str
    secret: str

    def ask(self, *, email: str = OWNER, answer: str = "yes", **query: str) -> Any:
        """A person answers the question."""
        client = self.door.client(email)
        return client.post(ASK, {"answer": answer}, query_params={"client_id": self.client_id, "state": "s-1", **query})

    def code(self, *, email: str = OWNER) -> str:
        return parse_qs(urlsplit(self.ask(email=email).headers["Location"]).query)["code"][0]

    def fetch(self, *, at: Any = None, form: bool = False, **given: Any) -> Any:
        """The token endpoint, at the workspace or at another door's host."""
        body = {"client_id": self.client_id, "client_secret": self.secret, "redirect_uri": RETURN, **given}
        client = at or self.door.client(email=None)
        return client.post(TOKEN, body) if form else client.post(TOKEN, body, content_type="application/json")

    def first(self, *, email: str = OWNER) -> dict[str, Any]:
        return self.fetch(grant_type="authorization_code", code=self.code(email=email)).json()

    def refresh(self, token: str, **given: Any) -> Any:
        return self.fetch(grant_type="refresh_token", refresh_token=token, **given)

    def call(self, access: str, path: str = ME, *, method: str = "get", **headers: str) -> Any:
        return getattr(self.door.client(email=None), method)(path, headers={"Authorization": f"Bearer {access}", **headers})

    def row(self) -> Integration:
        with self.door.unit():
            return Integration.objects.get(pk=self.pk)

    def act(self, verb: Any, *args: Any, **named: Any) -> Any:
        """A verb of the services, by the owner."""
        with self.door.unit():
            return verb(owner(), self.pk, *args, **named)


def owner() -> Any:
    return actor_of(User.objects.select_related("role", "group").get(role__code="owner"))


def program(door: Any, *, name: str = "Shop", kind: str = "private", scopes: Any = ("crm",), redirect_uri: str = RETURN) -> Program:
    with door.unit():
        made, secret = services.make(owner(), name=name, redirect_uri=redirect_uri, kind=kind, scopes=list(scopes))
    return Program(door, made.pk, str(made.client_id), secret)
