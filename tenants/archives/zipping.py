"""Writing a ZIP of any size with little memory: members go straight to disk, the directory waits in a file beside it.

Python's own `zipfile` keeps an object for every member: a million files would cost a gigabyte. This one can also go on
where a killed worker stopped.
"""

from __future__ import annotations

import shutil
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

LOCAL = struct.Struct("<4s5H3L2H")
CENTRAL = struct.Struct("<4s6H3L5H2L")
END = struct.Struct("<4s4H2LH")
END64 = struct.Struct("<4sQ2H2L4Q")
LOCATOR64 = struct.Struct("<4sLQL")
LOCAL_MARK, CENTRAL_MARK, END_MARK, END64_MARK, LOCATOR64_MARK = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
STORED, DEFLATED, UTF8, ZIP64 = 0, 8, 0x800, 1
# Room for 64-bit sizes is kept in each member's head; where it is not needed, it is padding that readers pass over.
_PADDING, _FULL = 0xD935, 0xFFFFFFFF
_LEVEL = 1
# How much of the directory is held at once when it is added; two pieces live while the next is read.
_PIECE = 1 << 18


@dataclass(slots=True)
class Standing:
    """Where a half-written archive stands: what a checkpoint keeps."""

    bytes: int = 0
    directory: int = 0
    members: int = 0


@dataclass(slots=True)
class Member:
    """A member being written, then what it came to."""

    name: str
    file: IO[bytes]
    packer: Any
    size: int = 0
    packed: int = 0
    crc: int = 0
    digest: Any = None

    def write(self, piece: bytes) -> None:
        """Add a piece."""
        self.size += len(piece)
        self.crc = zlib.crc32(piece, self.crc)
        self.digest.update(piece)
        self._put(self.packer.compress(piece) if self.packer else piece)

    def close(self) -> None:
        """No more comes."""
        if self.packer:
            self._put(self.packer.flush())

    def _put(self, packed: bytes) -> None:
        self.packed += len(packed)
        self.file.write(packed)

    @property
    def sha256(self) -> str:
        """Of what was written, in hexadecimal."""
        return str(self.digest.hexdigest())


class Zip:
    """An archive being written at `path`; its directory grows at `path`.directory until `finish`."""

    def __init__(self, path: Path, *, at: datetime, standing: Standing | None = None) -> None:
        self.standing = standing or Standing()
        self._moment = (at.hour << 11 | at.minute << 5 | at.second // 2, (at.year - 1980) << 9 | at.month << 5 | at.day)
        self._directory_path = path.with_name(f"{path.name}.directory")
        mode = "r+b" if standing else "w+b"
        self._file, self._directory = path.open(mode), self._directory_path.open(mode)
        for file, size in ((self._file, self.standing.bytes), (self._directory, self.standing.directory)):
            file.truncate(size)
            file.seek(size)

    @contextmanager
    def member(self, name: str, *, pack: bool = True) -> Iterator[Member]:
        """Write one member; pieces go through `Member.write`."""
        offset, encoded = self._file.tell(), name.encode()
        self._file.write(b"\0" * (LOCAL.size + len(encoded) + 20))
        member = Member(name, self._file, zlib.compressobj(_LEVEL, zlib.DEFLATED, -15) if pack else None, digest=sha256())
        yield member
        member.close()
        end, method, large = self._file.tell(), DEFLATED if pack else STORED, max(member.size, member.packed) >= _FULL
        self._file.seek(offset)
        sizes = (_FULL, _FULL) if large else (member.packed, member.size)
        self._file.write(LOCAL.pack(LOCAL_MARK, 45, UTF8, method, *self._moment, member.crc, *sizes, len(encoded), 20) + encoded)
        self._file.write(struct.pack("<2H2Q", ZIP64 if large else _PADDING, 16, member.size if large else 0, member.packed if large else 0))
        self._file.seek(end)
        self._list(member, encoded, method=method, offset=offset, large=large)

    def _list(self, member: Member, encoded: bytes, *, method: int, offset: int, large: bool) -> None:
        wide = [value for value, needed in ((member.size, large), (member.packed, large), (offset, offset >= _FULL)) if needed]
        extra = struct.pack(f"<2H{len(wide)}Q", ZIP64, 8 * len(wide), *wide) if wide else b""
        sizes = (_FULL, _FULL) if large else (member.packed, member.size)
        self._directory.write(
            CENTRAL.pack(CENTRAL_MARK, 0x031E, 45, UTF8, method, *self._moment, member.crc, *sizes, len(encoded), len(extra), 0, 0, 0, 0o100644 << 16, min(offset, _FULL))
            + encoded
            + extra
        )
        self.standing.members += 1

    def checkpoint(self) -> dict[str, int]:
        """What is written so far is on the disk: from here another may go on."""
        for file in (self._file, self._directory):
            file.flush()
        self.standing.bytes, self.standing.directory = self._file.tell(), self._directory.tell()
        return asdict(self.standing)

    def finish(self) -> None:
        """Add the directory and close."""
        start, size, members = self._file.tell(), self._directory.tell(), self.standing.members
        self._directory.seek(0)
        shutil.copyfileobj(self._directory, self._file, _PIECE)
        if members >= 0xFFFF or start + size >= _FULL:
            self._file.write(END64.pack(END64_MARK, 44, 45, 45, 0, 0, members, members, size, start))
            self._file.write(LOCATOR64.pack(LOCATOR64_MARK, 0, start + size, 1))
        self._file.write(END.pack(END_MARK, 0, 0, min(members, 0xFFFF), min(members, 0xFFFF), min(size, _FULL), min(start, _FULL), 0))
        self.close()
        self._directory_path.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the files, finished or not."""
        self._file.close()
        self._directory.close()
