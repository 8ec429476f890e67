"""One signer for all that travels: every signature carries the workspace's public id and generation.

Each schema counts its ids from 1, so a bare signature of one workspace would open the same number in another.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core import signing

from . import workspace


def _salt(purpose: str) -> str:
    return f"kartoteka.{purpose}.{workspace.prefix()}"


def sign(value: Any, *, purpose: str) -> str:
    """A signed, readable text of a JSON-able value, for one purpose, in this workspace (or on the control side)."""
    return signing.dumps(value, salt=_salt(purpose))


def unsign(text: str, *, purpose: str, max_age: timedelta) -> Any:
    """The value again; raises django.core.signing.BadSignature (SignatureExpired) when false, foreign or old."""
    return signing.loads(text, salt=_salt(purpose), max_age=max_age)


def keys(purpose: str) -> tuple[bytes, ...]:
    """Keys of this workspace for one purpose, for what brings a signature of its own form; the first signs, all of them open."""
    return tuple(hmac.digest(str(secret).encode(), _salt(purpose).encode(), hashlib.sha256) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))
