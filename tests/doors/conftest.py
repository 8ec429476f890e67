"""A program at the door of the open API: a workspace on committed data, and a client that bears a token."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from crm_platform.accounts import tokens
from crm_platform.accounts.models import User
from tests.doors import shapes


@dataclass
class Program:
    """Speaks JSON to /api/v4/ with a token: `api.get("leads?limit=1")`, `api.post("leads", [{}])`."""

    client: Client
    token: str

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> HttpResponse:
        """One request; `body` is JSON, or bytes as they are."""
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        given = {"HTTP_AUTHORIZATION": f"Bearer {self.token}", **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}}
        full = path if path.startswith("/") else f"/api/v4/{path}"
        with shapes.looking(method, full):
            answer = self.client.generic(method, full, raw, content_type="application/json", **given)
        shapes.check(method, full, answer)
        return answer

    def get(self, path: str, **headers: str) -> HttpResponse:
        """GET."""
        return self.send("GET", path, **headers)

    def post(self, path: str, body: Any, **headers: str) -> HttpResponse:
        """POST."""
        return self.send("POST", path, body, **headers)

    def patch(self, path: str, body: Any, **headers: str) -> HttpResponse:
        """PATCH."""
        return self.send("PATCH", path, body, **headers)

    def delete(self, path: str, body: Any = None, **headers: str) -> HttpResponse:
        """DELETE, with a body where the API has one."""
        return self.send("DELETE", path, body, **headers)


def program_of(door: Any, email: str | None = None) -> Program:
    """A program that acts as a person of the workspace: the owner, unless another is named."""
    with door.unit():
        person = User.objects.get(email=email) if email else User.objects.filter(role__code="owner").first()
        token = tokens.make_api_token(person, name="test")
    return Program(door.client(email=None), token)


@pytest.fixture
def api(doors: Any) -> Program:
    """A program of the owner."""
    return program_of(doors)
