"""The address to which a person goes back after saying yes or no."""

from __future__ import annotations

import re
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator

_HERE = frozenset({"localhost", "127.0.0.1", "[::1]"})
_HOST = re.compile(r"[a-z0-9.:\[\]-]+", re.IGNORECASE)
_valid = URLValidator(schemes=["https", "http"])


def is_good(address: str) -> bool:
    """Whether a browser may be sent there with a code: a whole address, sealed on its way unless it never leaves the computer."""
    parts = urlsplit(address)
    if len(address) > 500 or "#" in address or "@" in parts.netloc or not _HOST.fullmatch(parts.netloc):
        return False
    try:
        _valid(address)
    except ValidationError:
        return False
    return parts.scheme == "https" or not settings.SECURE or (parts.hostname or "") in _HERE


def origin(address: str) -> str:
    """Scheme and host, as a policy names them."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def with_answer(address: str, **answer: str) -> str:
    """The address with the answer behind what it asks already."""
    return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode({name: value for name, value in answer.items() if value})}"
