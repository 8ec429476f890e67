"""Signatures: those of standard-webhooks, and X-Signature for who verifies the body alone."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence

_PREFIX = "whsec_"


def make_secret() -> str:
    """A new secret: 32 bytes, as standard-webhooks writes them."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def headers(uid: str, *, at: int, body: bytes, keys: Sequence[str]) -> dict[str, str]:
    """The headers of a delivery, signed with each of the secrets: while one is being changed, both are good.

    webhook-signature: HMAC-SHA256 under the decoded secret of "id.timestamp.body". X-Signature: HMAC-SHA256 of the body
    under the secret's text, in hex.
    """
    signed = b".".join((uid.encode(), str(at).encode(), body))
    standard = [base64.b64encode(_hmac(base64.b64decode(key.removeprefix(_PREFIX)), signed)).decode() for key in keys]
    plain = [_hmac(key.encode(), body).hex() for key in keys]
    return {
        "webhook-id": uid, "webhook-timestamp": str(at), "webhook-signature": " ".join(f"v1,{one}" for one in standard),
        "X-Signature": ", ".join(f"sha256={one}" for one in plain),
    }  # fmt: skip


def _hmac(key: bytes, text: bytes) -> bytes:
    return hmac.new(key, text, hashlib.sha256).digest()
