"""Secrets of people and third parties, encrypted with FIELD_KEYS: the first key encrypts, all of them decrypt."""

from __future__ import annotations

import base64
import functools
import hashlib

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings


@functools.cache
def all_keys() -> tuple[bytes, ...]:
    """The platform's keys, 32 bytes each, the one that encrypts first; without FIELD_KEYS one derived from SECRET_KEY."""
    given = tuple(base64.urlsafe_b64decode(key) for key in settings.FIELD_KEYS)
    return given or (hashlib.sha256(b"field-keys:" + settings.SECRET_KEY.encode()).digest(),)


@functools.cache
def _box() -> MultiFernet:
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in all_keys()])


def encrypt(text: str) -> str:
    """The text, sealed."""
    return _box().encrypt(text.encode()).decode()


def decrypt(text: str) -> str:
    """The text again; raises cryptography.fernet.InvalidToken for a foreign key."""
    return _box().decrypt(text.encode()).decode()
