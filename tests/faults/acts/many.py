"""An archive with a million files: refused by nothing, read with the memory that a thousand need."""

from __future__ import annotations

import json
import resource
import shutil
import zipfile
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from crm_platform.kernel.files import house
from tenants.archives import checking, loading, manifest, zipping

CONTENT = b"x"


def write(small: str, large: str, count: int) -> None:
    """The rows and pages of an archive, and so many files."""
    digest = sha256(CONTENT).hexdigest()
    with zipfile.ZipFile(small) as given:
        told = json.loads(given.read(manifest.NAME))["content"]
        kept = {name: given.read(name) for name in given.namelist() if not name.startswith("files") and name != manifest.NAME}
    archive = zipping.Zip(Path(large), at=datetime(2026, 1, 1))  # noqa: DTZ001 (the ZIP's own)
    listing = Path(large).with_suffix(".csv")
    with listing.open("w") as lines:
        lines.write("entry,path,name,size,sha256\n")
        for number in range(count):
            path = f"attachments/{number:08}"
            with archive.member(f"files/{path}/x", pack=False) as member:
                member.write(CONTENT)
            lines.write(f"files/{path}/x,{path},x,{len(CONTENT)},{digest}\n")
    kept["files.csv"] = listing.read_bytes()
    told["members"] = {name: {"size": len(data), "sha256": sha256(data).hexdigest()} for name, data in kept.items()}
    told["files"] |= {"count": count, "bytes": count * len(CONTENT), "missing": 0}
    for name, data in {**kept, manifest.NAME: manifest.sealed(told)}.items():
        with archive.member(name) as member:
            member.write(data)
    archive.finish()
    listing.unlink()


def read(large: str) -> list[int]:
    """Compare every file; gives how many, and how many kilobytes of memory that took beyond what the process had."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with checking.opened(Path(large)) as given:
        given.read_through()
        count = loading.files(given, None)
    return [count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before]


def unpack(large: str, folder: str) -> int:
    """Write them below a folder of the house's files, as a restore does."""
    with checking.opened(Path(large)) as given:
        loading.files(given, folder)
    home = Path(house().path(folder))
    count = sum(1 for _path in _below(home))
    shutil.rmtree(home)
    return count


def _below(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())
