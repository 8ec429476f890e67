"""How a stranger is reached: at a number that was checked, never by a name that could lead elsewhere meanwhile. No database here."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

from django.utils.encoding import iri_to_uri

from . import addresses


@dataclass(frozen=True, slots=True)
class Target:
    """Where an address leads: `path` with its query as it is sent, `named` as the Host header says it."""

    secure: bool
    host: str
    port: int
    path: str
    named: str


def target_of(url: str) -> Target:
    """An address taken apart. Raises ValueError."""
    parts = urlsplit(url)
    host, secure = addresses.host_of(parts), parts.scheme == "https"
    path = iri_to_uri(parts.path or "/") + (f"?{iri_to_uri(parts.query)}" if parts.query else "")
    named = f"[{host}]" if ":" in host else host
    return Target(secure, host, parts.port or (443 if secure else 80), path, named if parts.port is None else f"{named}:{parts.port}")


def connected(target: Target, *, left: Callable[[], float]) -> socket.socket:
    """A connection to the first of its numbers that takes one, each within `left()` seconds. Raises NotOpen, OSError."""
    failed: OSError = TimeoutError()
    for number in addresses.numbers_of(target.host, target.port):
        try:
            return socket.create_connection((number, target.port), timeout=left())
        except OSError as error:
            failed = error
    raise failed


def secured(plain: socket.socket, target: Target) -> socket.socket:
    """The same under TLS, with a certificate for the name. Raises SSLError, OSError."""
    return _tls().wrap_socket(plain, server_hostname=target.host)


def speaking(line: socket.socket, target: Target) -> http.client.HTTPConnection:
    """HTTP over a connection that is there; it never connects by itself."""
    connection = http.client.HTTPConnection(target.host, target.port)
    connection.sock, connection.auto_open = line, 0
    return connection


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
