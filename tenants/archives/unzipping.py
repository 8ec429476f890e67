"""Reading a ZIP that nobody vouches for: entry by entry, with little memory, refusing what only an attacker would write."""

from __future__ import annotations

import os
import re
import stat
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from . import zipping
from .refusals import CutShort, Links, NotAnArchive, Swollen, Tampered, UnsafeName

_PIECE = 1 << 18
_TAIL = 1 << 16
_ENCRYPTED = 1
_UNSAFE = re.compile(r"(^|/)\.{1,2}(/|$)|^/|//|\\|^[A-Za-z]:|[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the directory."""

    name: str
    method: int
    crc: int
    packed: int
    size: int
    offset: int


def check_name(name: str) -> None:
    """Raise UnsafeName for a path that is absolute, climbs, or is written for another system."""
    if not name or _UNSAFE.search(name):
        raise UnsafeName(part=name[:200])


class Archive:
    """An open ZIP file. Raises NotAnArchive or CutShort where it has no directory."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self.total = os.fstat(self._file.fileno()).st_size
        try:
            self.members, self._size, self._start = self._directory()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *failure: Any) -> None:
        self._file.close()

    def _read_at(self, offset: int, count: int) -> bytes:
        self._file.seek(offset)
        found = self._file.read(count)
        if len(found) < count:
            raise CutShort
        return found

    def _directory(self) -> tuple[int, int, int]:
        if self._file.read(4) not in (zipping.LOCAL_MARK, zipping.END_MARK):
            raise NotAnArchive
        if self.total < zipping.END.size:
            raise CutShort
        end = zipping.END.unpack(self._read_at(self.total - zipping.END.size, zipping.END.size))
        if end[0] != zipping.END_MARK or end[7]:  # ours have no comment behind; what follows the end was put there later
            raise CutShort
        _mark, _disk, _first, _here, members, size, start, _comment = end
        before = self.total - zipping.END.size
        if members == 0xFFFF or size == 0xFFFFFFFF or start == 0xFFFFFFFF:
            before -= zipping.LOCATOR64.size
            mark, _disk, where, _disks = zipping.LOCATOR64.unpack(self._read_at(max(0, before), zipping.LOCATOR64.size))
            if mark != zipping.LOCATOR64_MARK or where + zipping.END64.size > before:
                raise CutShort
            members, size, start = zipping.END64.unpack(self._read_at(where, zipping.END64.size))[7:]
            before = where
        if start + size != before:
            raise CutShort
        return members, size, start

    def entries(self) -> Iterator[Entry]:
        """The lines of the directory in their order, each checked. Members lie one behind the other, none within another."""
        position, free = self._start, 0
        for _number in range(self.members):
            if position + zipping.CENTRAL.size > self._start + self._size:
                raise Tampered(part="ZIP")
            head = zipping.CENTRAL.unpack(self._read_at(position, zipping.CENTRAL.size))
            rest = self._read_at(position + zipping.CENTRAL.size, sum(head[10:13]))
            entry = _entry(head, rest)
            if entry.offset < free or entry.offset + entry.packed > self._start:
                raise Tampered(part=entry.name)
            free = entry.offset + zipping.LOCAL.size + entry.packed
            position += zipping.CENTRAL.size + len(rest)
            yield entry
        if position != self._start + self._size:
            raise Tampered(part="ZIP")

    def pieces(self, entry: Entry, *, sha: str = "") -> Iterator[bytes]:
        """What a member holds. Raises Swollen, Tampered where it is not what the directory (and `sha`) say: the last piece has come then."""
        head = zipping.LOCAL.unpack(self._read_at(entry.offset, zipping.LOCAL.size))
        name = self._read_at(entry.offset + zipping.LOCAL.size, head[9])
        if head[0] != zipping.LOCAL_MARK or name != entry.name.encode() or head[3] != entry.method:
            raise Tampered(part=entry.name)
        start = entry.offset + zipping.LOCAL.size + head[9] + head[10]
        size, crc, digest = 0, 0, sha256()
        for piece in self._unpacked(entry, start):
            size += len(piece)
            if size > entry.size:
                raise Swollen(part=entry.name)
            crc = zlib.crc32(piece, crc)
            digest.update(piece)
            yield piece
        if size != entry.size or crc != entry.crc or (sha and digest.hexdigest() != sha):
            raise Tampered(part=entry.name)

    def _unpacked(self, entry: Entry, start: int) -> Iterator[bytes]:
        packed = (self._read_at(offset, min(_PIECE, start + entry.packed - offset)) for offset in range(start, start + entry.packed, _PIECE))
        try:
            yield from packed if entry.method == zipping.STORED else _inflated(packed, entry.name)
        except zlib.error:
            raise Tampered(part=entry.name) from None


def _inflated(packed: Iterator[bytes], name: str) -> Iterator[bytes]:
    """Never more than a piece at once, however much a piece unpacks to."""
    unpacker = zlib.decompressobj(-15)
    for piece in packed:
        while piece and not unpacker.eof:
            yield unpacker.decompress(piece, _PIECE)
            piece = unpacker.unconsumed_tail
    while not unpacker.eof and (left := unpacker.decompress(b"", _PIECE)):  # what the last asking left inside
        yield left
    if not unpacker.eof or unpacker.unused_data:
        raise Tampered(part=name)


def _entry(head: tuple[Any, ...], rest: bytes) -> Entry:
    mark, _made, _needed, flags, method, _time, _date, crc, packed, size, names, extras, _comment, _disk, _inner, outer, offset = head
    if mark != zipping.CENTRAL_MARK:
        raise Tampered(part="ZIP")
    try:
        name = rest[:names].decode()
    except UnicodeDecodeError:
        raise UnsafeName(part=rest[:names].decode("latin-1")[:200]) from None
    check_name(name)
    if stat.S_ISLNK(outer >> 16):
        raise Links(part=name)
    if flags & _ENCRYPTED or method not in (zipping.STORED, zipping.DEFLATED):
        raise Tampered(part=name)
    size, packed, offset = _widened(rest[names : names + extras], size, packed, offset)
    return Entry(name, method, crc, packed, size, offset)


def _widened(extra: bytes, *narrow: int) -> list[int]:
    """Values that did not fit in 32 bits stand in the extra field, in this order."""
    wide: list[int] = []
    while len(extra) >= 4:
        kind, length = struct.unpack("<2H", extra[:4])
        if kind == zipping.ZIP64:
            wide = list(struct.unpack(f"<{length // 8}Q", extra[4 : 4 + length // 8 * 8].ljust(length // 8 * 8, b"\0")))
        extra = extra[4 + length :]
    if sum(value == 0xFFFFFFFF for value in narrow) > len(wide):
        raise Tampered(part="ZIP")
    return [wide.pop(0) if value == 0xFFFFFFFF else value for value in narrow]
