"""Operators for tests, and their browsers."""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.core.cache import cache
from django.test import Client

from crm_platform.accounts import operators
from crm_platform.accounts.operators import Duty, Operator
from crm_platform.db import sides

HOST = "operator.localhost"
PASSWORD = "a-long-enough-sentence-7"
LOOKER, TELLER, ADMIN = (Operator(index, f"{duty.name.title()} Person", f"{duty.name.lower()}@op.example", duty) for index, duty in enumerate(Duty, 1))


def totp(secret: str, *, step: int = 0) -> str:
    """RFC 6238, six digits, thirty seconds; `step` of them away from now."""
    digest = hmac.new(base64.b32decode(secret), struct.pack(">Q", int(time.time() // 30) + step), hashlib.sha1).digest()
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at : at + 4])[0] & 0x7FFFFFFF) % 10**6:06d}"


def made(role: str = "admin", *, second_factor: bool = True) -> Any:
    """A committed operator, with a second factor or without."""
    from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret

    with sides.control_unit():
        person = operators.create(None, email=f"{uuid.uuid4().hex[:10]}@op.example", name=f"Op {role}", role=role, password=PASSWORD)
        if second_factor:
            person.seed = generate_totp_secret()  # type: ignore[attr-defined]
            TOTP.activate(person, person.seed)  # type: ignore[attr-defined]
    return person


def browser(person: Any = None, *, proven: bool = True) -> Client:
    """A browser at the operators' host; of a stranger where no person is given."""
    client = Client(HTTP_HOST=HOST, raise_request_exception=False)
    if person is not None:
        with sides.control_unit():
            session = SessionStore()
            session[SESSION_KEY] = str(person.pk)
            session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
            session[HASH_SESSION_KEY] = person.get_session_auth_hash()
            if proven:
                session[operators.PROVEN] = time.time()
            session.save()
            UserSession.objects.create(user=person, session_key=session.session_key, ip="127.0.0.1", user_agent="Firefox/1")
        client.cookies[settings.SESSION_COOKIE_NAME] = session.session_key or ""
    return client


@pytest.fixture
def desk(house: None, django_db_blocker: Any) -> Iterator[Callable[..., Client]]:
    """Browsers of operators, on committed data; the operators are gone afterwards."""
    people: list[Any] = []

    def open_for(role: str | None = "admin", *, second_factor: bool = True, proven: bool = True) -> Client:
        if role is None:
            return browser()
        person = made(role, second_factor=second_factor)
        people.append(person)
        client = browser(person, proven=proven)
        client.person = person  # type: ignore[attr-defined]
        return client

    with django_db_blocker.unblock():
        cache.clear()
        yield open_for
        with sides.control_unit():
            for person in people:
                type(person).objects.filter(pk=person.pk).update(is_active=False, access="deactivated")
