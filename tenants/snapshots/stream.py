"""A snapshot's inside, before it is compressed and sealed: a head, the rows of each table in PostgreSQL's binary form, a tail with the proofs.

    magic · head (JSON) · for each table its pieces, each after its length, ended by length nought · tail (JSON)
"""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from crm_platform.kernel.sealing import Broken

MAGIC = b"KRTSNAP1"
LONGEST = 1 << 28
LEVEL = 1


def written(head: dict[str, Any], tables: Iterable[tuple[str, Iterable[bytes]]], tail: Callable[[dict[str, str]], dict[str, Any]]) -> Iterator[bytes]:
    """The stream: `tables` gives each name with its pieces, `tail` is asked at the end with the hash of each table."""
    yield MAGIC
    yield _framed(json.dumps(head).encode())
    hashes: dict[str, str] = {}
    for name, pieces in tables:
        digest = hashlib.sha256()
        for piece in pieces:
            if piece:
                digest.update(piece)
                yield _framed(piece)
        yield _framed(b"")
        hashes[name] = digest.hexdigest()
    yield _framed(json.dumps(tail(hashes)).encode())


def _framed(piece: bytes) -> bytes:
    return struct.pack(">I", len(piece)) + piece


def packed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Compressed, quickly rather than well."""
    press = zlib.compressobj(LEVEL)
    for piece in pieces:
        yield press.compress(piece)
    yield press.flush()


def unpacked(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """As it was; raises Broken for what is no such stream."""
    press = zlib.decompressobj()
    try:
        for piece in pieces:
            while piece:
                yield press.decompress(piece, 1 << 20)
                piece = press.unconsumed_tail
        yield press.flush()
    except zlib.error:
        raise Broken from None
    if not press.eof:
        raise Broken


class Reader:
    """Reads the stream in order: `head`, then `table()` for each table of the head, then `tail()`."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces, self._held = iter(pieces), io.BytesIO()
        if self._take(len(MAGIC)) != MAGIC:
            raise Broken
        self.head: dict[str, Any] = self._json()
        self.hashes: dict[str, str] = {}

    def table(self, name: str) -> Iterator[bytes]:
        """The pieces of the next table, to be read to their end; its hash is kept."""
        digest = hashlib.sha256()
        while piece := self._frame():
            digest.update(piece)
            yield piece
        self.hashes[name] = digest.hexdigest()

    def tail(self) -> dict[str, Any]:
        """The proofs; raises Broken where a table's hash is not what was written, or where something follows."""
        tail = self._json()
        if tail.get("hashes") != self.hashes or self._held.read(1) or any(self._pieces):
            raise Broken
        return tail

    def _json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._frame())
        return found

    def _frame(self) -> bytes:
        (size,) = struct.unpack(">I", self._take(4))
        if size > LONGEST:
            raise Broken
        return self._take(size)

    def _take(self, size: int) -> bytes:
        parts, missing = [], size
        while missing:
            part = self._held.read(missing)
            if not part:
                following = next(self._pieces, None)
                if following is None:
                    raise Broken
                self._held = io.BytesIO(following)
                continue
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)
