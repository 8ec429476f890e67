"""Names that travel: random, unambiguous when read aloud, never counted from 1."""

from __future__ import annotations

import secrets

# Crockford's base 32 in lower case: no i, l, o, u.
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def random_id(length: int = 16) -> str:
    """`length` random letters and digits; 16 carry 80 bits."""
    return "".join([ALPHABET[byte & 31] for byte in secrets.token_bytes(length)])  # 32 divides 256: each as likely as the other


def spoken_number() -> str:
    """A short number a person can read to us over the phone, like 7F3K-2M9Q."""
    raw = random_id(8).upper()
    return f"{raw[:4]}-{raw[4:]}"
