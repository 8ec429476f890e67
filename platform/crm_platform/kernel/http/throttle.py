"""Rate limits of our own doors, counted in the cache, and whose address a request comes from."""

from __future__ import annotations

import hashlib
import ipaddress

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest

from crm_platform.kernel import clock
from crm_platform.kernel.errors import TooMany


def client_address(request: HttpRequest) -> str:
    """The asker's address; X-Forwarded-For counts only where a listed proxy wrote it."""
    direct: str = request.META.get("REMOTE_ADDR", "")
    forwarded = request.headers.get("X-Forwarded-For", "")
    if forwarded and _trusted(direct):
        return forwarded.rsplit(",", 1)[-1].strip() or direct
    return direct


def _trusted(address: str) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(found in ipaddress.ip_network(network, strict=False) for network in settings.TRUSTED_PROXIES)


def limit(purpose: str, subject: str, *, most: int, seconds: int) -> None:
    """Raise TooMany beyond `most` calls of a purpose by a subject in a window of `seconds`. The subject is kept as a digest."""
    window = int(clock.real_now().timestamp()) // seconds
    key = f"limit.{purpose}.{hashlib.sha256(subject.lower().encode()).hexdigest()[:24]}.{window}"
    cache.add(key, 0, seconds + 5)
    if cache.incr(key) > most:
        left = seconds - int(clock.real_now().timestamp()) % seconds
        raise TooMany(retry_after=left)
