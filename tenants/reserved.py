"""Addresses that nobody may take, and the shapes an address may have."""

from __future__ import annotations

import re

from django.utils.translation import gettext_lazy as _

from crm_platform.kernel.errors import Invalid

# Hosts of the house that are served by other programs or pages than a workspace.
SIDES = frozenset({"operator", "mail", "payments"})

RESERVED = SIDES | frozenset(
    ["www", "api", "static", "oauth", "admin", "status", "app", "apps", "assets", "auth", "account", "accounts", "billing", "blog", "cdn", "control", "crm", "dashboard", "demo", "dev", "docs", "download", "email", "ftp", "health", "help", "home", "imap", "info", "internal", "kartoteka", "legal", "login", "logout", "mailbox", "media", "metrics", "my", "news", "ns", "ns1", "ns2", "owner", "pay", "payment", "pop", "price", "prices", "pricing", "privacy", "public", "root", "sales", "secure", "security", "server", "shop", "signup", "signin", "site", "smtp", "ssl", "sso", "staging", "support", "system", "template", "terms", "test", "tls", "updates", "upload", "user", "users", "web", "webhook", "webhooks", "webmail", "workspace", "workspaces"]
)

_SHAPE = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\Z")
# Letters that read like others: an address may not be taken for one of ours by a hurried eye.
READS_AS = ("015i3-", "olsle")  # as PostgreSQL's translate takes them: what has no partner is left out
_LOOKS_LIKE = str.maketrans(dict(zip(*READS_AS, strict=False)) | {"-": None})


def appearance(slug: str) -> str:
    """How an address looks to a hurried eye: "firm-0ne" and "firmone" are one. `Domain.appearances` says the same in SQL."""
    return slug.translate(_LOOKS_LIKE).replace("rn", "m").replace("vv", "w")


_LOOK_ALIKES = frozenset(map(appearance, RESERVED))


class AddressRefused(Invalid):
    """The wished address cannot be had; the sentence says why."""

    code = "address_refused"


def check_address(slug: str) -> None:
    """Raise AddressRefused unless `slug` may be an address: 3 to 40 of a-z, 0-9 and inner hyphens, not one of ours."""
    if len(slug) < 3:
        raise AddressRefused(fields={"slug": [_("An address has at least 3 letters or digits.")]})
    if len(slug) > 40:
        raise AddressRefused(fields={"slug": [_("An address has at most 40 letters or digits.")]})
    if not _SHAPE.match(slug) or "--" in slug:
        raise AddressRefused(fields={"slug": [_("An address holds the letters a to z, digits, and single hyphens between them.")]})
    if slug in RESERVED:
        raise AddressRefused(fields={"slug": [_("This address is kept for the service itself.")]})
    if appearance(slug) in _LOOK_ALIKES:
        raise AddressRefused(fields={"slug": [_("This address looks too much like one of the service's own.")]})
