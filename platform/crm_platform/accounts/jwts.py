"""Tokens of programs as JWTs: written and read with keys of this workspace alone, and nothing asked of the database.

The claims are those that integrations of amoCRM read: `aud` the program, `sub` the person, `api_domain` the host to call.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import jwt
from django.conf import settings
from jwt.types import Options

from crm_platform.kernel import signing, workspace

ALGORITHM, PURPOSE = "HS256", "token"
# Whose signature, and whether it has expired, is all that is asked here: what else a token may do stands in its row.
_OPTIONS: Options = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False, "require": ["exp", "jti"]}


# The ids of tokens that were read already, each by its own print under the workspace's key: whoever asks a hundred times a minute
# is taken apart once. Whether the token still holds is never kept: its row says so.
_ids: dict[bytes, str] = {}
_MOST = 20_000


class Unreadable(Exception):
    """No token of this workspace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a token is to say; `host` where the program calls, "" for the workspace's own address."""

    jti: str
    audience: str
    person_id: int
    scopes: Sequence[str]
    made: datetime
    ends: datetime
    host: str = ""


def write(said: Said) -> str:
    """The token."""
    place = workspace.here()
    made = int(said.made.timestamp())
    claims = {
        "aud": said.audience, "jti": said.jti, "iat": made, "nbf": made, "exp": int(said.ends.timestamp()), "sub": str(said.person_id), "grant_type": "",
        "account_id": place.number, "base_domain": settings.PUBLIC_URL.partition("://")[2], "version": 2, "scopes": list(said.scopes), "hash_uuid": str(place.uuid),
        "user_flags": 0, "api_domain": said.host or workspace.host(), "workspace": place.public_id,
    }  # fmt: skip
    return jwt.encode(claims, signing.keys(PURPOSE)[0], ALGORITHM)


def id_of(text: str) -> str:
    """The id of a token of this workspace, expired ones too; raises Unreadable."""
    for key in signing.keys(PURPOSE):
        mark = hmac.digest(key, text.encode(), hashlib.sha256)
        if mark in _ids:
            return _ids[mark]
        try:
            claims: dict[str, Any] = jwt.decode(text, key, [ALGORITHM], options=_OPTIONS)
        except jwt.InvalidTokenError:
            continue
        if len(_ids) >= _MOST:
            _ids.clear()
        _ids[mark] = str(claims["jti"])
        return _ids[mark]
    raise Unreadable


def workspace_of(text: str) -> str:
    """The public id that a token names, before anybody has checked it; "" for none. The workspace itself decides."""
    try:
        claims = jwt.decode(text, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        return ""
    return str(claims.get("workspace") or "")
