"""Where may be sent to: addresses of the open internet. Asked of the text when it is written, of each number before it is connected to."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable
from urllib.parse import SplitResult, urlsplit

import idna
from django.conf import settings
from django.utils.translation import gettext as _

from crm_platform.kernel.errors import Invalid

LONGEST = 1000
_UNWRITTEN = re.compile(r"[\s\x00-\x1f\x7f\\]")
# Kinds of number that carry another one within, behind which a private one could hide.
_CARRIERS = tuple(ipaddress.ip_network(net) for net in ("2002::/16", "2001::/32", "64:ff9b::/96", "64:ff9b:1::/48"))


class NotOpen(Exception):
    """A name leads to an address that is not sent to: private, of the machine itself, or none at all."""


def check(destination: str) -> str:
    """The address as it is kept; raises Invalid (field `destination`) for what is none, or is plainly of a private network."""
    text = destination.strip()
    parts = _parts(text)
    if parts is None:
        raise _refused(_("Write the whole address, like https://example.com/hook."))
    number = _number(parts.hostname or "")
    local = (parts.hostname or "").lower().rstrip(".") == "localhost"
    if (number is not None and not is_open(number)) or (local and not settings.CRM_HOOKS_TO_LOOPBACK):
        raise _refused(_("This address is of a private network. Only addresses of the open internet are sent to."))
    return text


def _refused(sentence: str) -> Invalid:
    return Invalid(fields={"destination": [sentence]})


def _parts(text: str) -> SplitResult | None:
    if len(text) > LONGEST or _UNWRITTEN.search(text):
        return None
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None and (parts.port is None or parts.port > 0)
        host_of(parts)
    except (ValueError, UnicodeError):
        return None
    return parts if good else None


def host_of(parts: SplitResult) -> str:
    """The host as name servers and certificates write it. Raises ValueError."""
    host = parts.hostname or ""
    return host if host.isascii() else idna.encode(host, uts46=True).decode()


def _number(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None


def is_open(number: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether a number is of the open internet (or of this machine, where that is allowed)."""
    if isinstance(number, ipaddress.IPv6Address):
        if number.ipv4_mapped is not None:
            return is_open(number.ipv4_mapped)
        if any(number in net for net in _CARRIERS):
            return False
    if number.is_loopback:
        return bool(settings.CRM_HOOKS_TO_LOOPBACK)
    return number.is_global and not (number.is_multicast or number.is_reserved or number.is_unspecified or number.is_link_local)


def _ask_name_servers(host: str, port: int) -> list[str]:
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


# Asked once for each attempt; the numbers that come back are connected to, never the name.
resolve: Callable[[str, int], list[str]] = _ask_name_servers


def numbers_of(host: str, port: int) -> list[str]:
    """The numbers of a host that may be connected to. Raises NotOpen where there is none, OSError where the name cannot be asked for."""
    found = list(dict.fromkeys(resolve(host, port)))
    good = [text for text in found if (number := _number(text)) is not None and is_open(number)]
    if not good:
        raise NotOpen(host)
    return good
