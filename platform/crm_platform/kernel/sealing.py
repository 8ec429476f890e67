"""Streams sealed with the platform's keys: in numbered chunks, the last one marked, so that cutting short, swapping and repeating are noticed.

AES-256-GCM. Each stream has a key of its own, derived from the first of FIELD_KEYS and a random salt, so that a counter may be
the nonce: the chunk's number, and whether it is the last. What the stream is (`about`) enters the derivation: a stream of
another workspace does not open under this one's name. Any of FIELD_KEYS opens.

    magic 8 bytes · salt 32 · then for each chunk: length of the ciphertext 4 · ciphertext
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from . import secrets_box
from .errors import CrmError

MAGIC = b"KRTSEAL1"
CHUNK, TAG, SALT = 1 << 20, 16, 32


class Broken(CrmError):
    """Cut short, tampered with, of another workspace, or sealed with a key that is gone."""

    code, status = "seal_broken", 422
    sentence = "The file is damaged, cut short, or sealed with another key. Nothing of it was used."


def _cipher(key: bytes, salt: bytes, about: str) -> AESGCM:
    return AESGCM(HKDF(hashes.SHA256(), 32, salt, b"kartoteka.sealing:" + about.encode()).derive(key))


def _nonce(number: int, *, last: bool) -> bytes:
    return struct.pack(">QxxxB", number, last)


def seal(pieces: Iterable[bytes], *, about: str) -> Iterator[bytes]:
    """The stream sealed, piece by piece; `about` must be given again to open it."""
    salt = secrets.token_bytes(SALT)
    cipher = _cipher(secrets_box.all_keys()[0], salt, about)
    yield MAGIC + salt
    number, held = 0, bytearray()
    for piece in pieces:
        held += piece
        while len(held) > CHUNK:  # the last chunk is never sent before the end is known
            yield _framed(cipher.encrypt(_nonce(number, last=False), bytes(held[:CHUNK]), None))
            del held[:CHUNK]
            number += 1
    yield _framed(cipher.encrypt(_nonce(number, last=True), bytes(held), None))


def _framed(sealed: bytes) -> bytes:
    return struct.pack(">I", len(sealed)) + sealed


def unseal(file: BinaryIO, *, about: str) -> Iterator[bytes]:
    """What was sealed, chunk by chunk, each proved before it is given. Raises Broken, also where the end is missing."""
    head = file.read(len(MAGIC) + SALT)
    if len(head) != len(MAGIC) + SALT or not head.startswith(MAGIC):
        raise Broken
    ciphers = [_cipher(key, head[len(MAGIC) :], about) for key in secrets_box.all_keys()]
    sealed, number = _chunk(file), 0
    while True:
        following = _chunk(file)
        opened, ciphers = _opened(ciphers, sealed, _nonce(number, last=not following))
        yield opened
        if not following:
            return
        sealed, number = following, number + 1


def _chunk(file: BinaryIO) -> bytes:
    """The next chunk; nothing at the very end."""
    length = file.read(4)
    if not length:
        return b""
    (size,) = struct.unpack(">I", length.rjust(4, b"\xff"))
    if not TAG <= size <= CHUNK + TAG:
        raise Broken
    sealed = file.read(size)
    if len(sealed) != size:
        raise Broken
    return sealed


def _opened(ciphers: list[AESGCM], sealed: bytes, nonce: bytes) -> tuple[bytes, list[AESGCM]]:
    for cipher in ciphers:
        try:
            return cipher.decrypt(nonce, sealed, None), [cipher]
        except InvalidTag:
            continue
    raise Broken
