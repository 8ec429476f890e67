"""A firm's own host as it was typed, made into the one way of writing it; refused where it can be no address of a firm."""

from __future__ import annotations

import functools
import ipaddress
import re
from urllib.parse import urlsplit

import idna
from django.conf import settings
from django.utils.translation import gettext_lazy as _
from publicsuffixlist import PublicSuffixList

from crm_platform.kernel.errors import Invalid

LONGEST = 200
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\Z")


class HostRefused(Invalid):
    """The wished host cannot be had; the sentence says why."""

    code = "host_refused"


def normalised(typed: str) -> str:
    """ "https://CRM.Зерно.рф/" → "crm.xn--e1adtei.xn--p1ai"; raises HostRefused."""
    name = _bare(typed)
    if _is_number(name):
        raise _refused(_("A number is no address of a firm: take a name, like crm.firm.com."))
    try:
        host = idna.encode(name, uts46=True, std3_rules=True).decode().lower()
    except (idna.IDNAError, UnicodeError):
        raise _refused(_("This is no address. One looks like crm.firm.com.")) from None
    labels = host.split(".")
    if len(labels) < 2 or len(host) > LONGEST or not all(map(_LABEL.match, labels)) or labels[-1].isdecimal():
        raise _refused(_("This is no address. One looks like crm.firm.com."))
    if any(host == base or host.endswith(f".{base}") for base in (*settings.BASE_DOMAINS, "localhost")):
        raise _refused(_("Addresses of the service itself are chosen above, under “Address”."))
    if _endings().publicsuffix(host) == host:
        raise _refused(_("“{host}” is an ending that many share. Add the firm’s name, like crm.firm.{host}."), host=host)
    return host


def spoken(host: str) -> str:
    """The host as people read it: in its own alphabet."""
    try:
        return idna.decode(host)
    except (idna.IDNAError, UnicodeError):
        return host


def _refused(sentence: object, **facts: str) -> HostRefused:
    return HostRefused(fields={"host": [str(sentence).format(**facts) if facts else sentence]})


def _bare(typed: str) -> str:
    text = typed.strip()
    try:
        name = urlsplit(text if "//" in text else f"//{text}").hostname or ""
    except ValueError:
        name = ""
    return name.rstrip(".")[: LONGEST * 2]


def _is_number(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


@functools.cache
def _endings() -> PublicSuffixList:
    return PublicSuffixList()
