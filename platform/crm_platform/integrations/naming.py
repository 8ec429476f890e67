"""Ids and credentials that lead to their workspace without a host: a client id is a UUID that holds the public id, the others begin with it."""

from __future__ import annotations

import re
import secrets
import uuid

from crm_platform.kernel import ids, workspace

# A public id: 16 signs of 5 bits. A UUID of version 8 has room for it and for 42 random bits.
_BITS, _LENGTH, _RANDOM = 5, 16, 42
_FREE = 62
_CREDENTIAL = re.compile(r"([0-9a-z]{16})\.([0-9a-z]{20})\.([\w-]{40,120})")


def new_client_id() -> uuid.UUID:
    """The id of a new integration of the workspace we are in."""
    number = 0
    for sign in workspace.here().public_id:
        number = number << _BITS | ids.ALPHABET.index(sign)
    number = number << _RANDOM | secrets.randbits(_RANDOM)
    head, middle, tail = number >> (_FREE + 12), number >> _FREE & 0xFFF, number & (1 << _FREE) - 1
    return uuid.UUID(int=head << 80 | 8 << 76 | middle << 64 | 0b10 << 62 | tail)


def workspace_of_client(client_id: str) -> str:
    """The public id within a client id; "" for one that is none of ours. The workspace itself decides whether it knows it."""
    try:
        found = uuid.UUID(client_id)
    except ValueError:
        return ""
    if found.version != 8:
        return ""
    number = (found.int >> 80 << 12 | found.int >> 64 & 0xFFF) << _FREE | found.int & (1 << _FREE) - 1
    number >>= _RANDOM
    return "".join(ids.ALPHABET[number >> _BITS * place & 31] for place in range(_LENGTH - 1, -1, -1))


def credential(uid: str, secret: str) -> str:
    """A code or refresh token: the workspace, the grant, and what only its holder knows."""
    return f"{workspace.here().public_id}.{uid}.{secret}"


def read_credential(text: str) -> tuple[str, str]:
    """(public id, grant) of a credential; two empty texts for what has no such form."""
    found = _CREDENTIAL.fullmatch(text)
    return (found[1], found[2]) if found else ("", "")
