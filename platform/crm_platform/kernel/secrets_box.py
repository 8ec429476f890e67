"""Secrets of people and third parties, encrypted with FIELD_KEYS: the first key encrypts, all of them decrypt."""

from __future__ import annotations

import base64
import functools
import hashlib

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings


@functools.cache
def _box() -> MultiFernet:
    keys = [Fernet(key) for key in settings.FIELD_KEYS]
    if not keys:
        derived = hashlib.sha256(b"field-keys:" + settings.SECRET_KEY.encode()).digest()
        keys = [Fernet(base64.urlsafe_b64encode(derived))]
    return MultiFernet(keys)


def encrypt(text: str) -> str:
    """The text, sealed."""
    return _box().encrypt(text.encode()).decode()


def decrypt(text: str) -> str:
    """The text again; raises cryptography.fernet.InvalidToken for a foreign key."""
    return _box().decrypt(text.encode()).decode()
