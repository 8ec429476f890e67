"""The port to the name servers of the world. Called by jobs alone, never inside a unit of work."""

from __future__ import annotations

from typing import Any, Protocol

import dns.exception
import dns.resolver

SECONDS = 5.0


class NoAnswer(Exception):
    """The name servers cannot be asked at present: nothing is known, neither good nor bad."""


class Resolver(Protocol):
    """What is asked; a name that is not there is an empty answer. Raises NoAnswer."""

    def texts(self, name: str) -> set[str]: ...
    def leads_to(self, name: str) -> str: ...
    def numbers(self, name: str) -> set[str]: ...


class NameServers:
    """The resolver of the machine, or the given one."""

    def __init__(self, resolver: dns.resolver.Resolver | None = None) -> None:
        self._given = resolver

    def texts(self, name: str) -> set[str]:
        """The TXT records of a name."""
        return {b"".join(row.strings).decode(errors="replace").strip() for row in self._ask(name, "TXT")}

    def leads_to(self, name: str) -> str:
        """The name that a CNAME points to, without its last dot; "" for none."""
        return next((str(row.target).rstrip(".").lower() for row in self._ask(name, "CNAME")), "")

    def numbers(self, name: str) -> set[str]:
        """The numbers, of either kind, that a name leads to in the end."""
        return {row.address for kind in ("A", "AAAA") for row in self._ask(name, kind)}

    def _ask(self, name: str, kind: str) -> list[Any]:
        try:
            resolver = self._given or dns.resolver.Resolver()
            return list(resolver.resolve(name, kind, lifetime=SECONDS, search=False))
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer, dns.resolver.YXDOMAIN):
            return []
        except (dns.exception.DNSException, OSError):
            raise NoAnswer from None


resolver: Resolver = NameServers()
