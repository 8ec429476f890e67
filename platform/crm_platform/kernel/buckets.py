"""The files, archives and snapshots in a bucket of objects (S3 and whatever speaks like it), under the names they have in a folder.

Loaded only where AWS_STORAGE_BUCKET_NAME is given. Whatever boto3 raises becomes FileNotFoundError or files.Away, which is an
OSError: callers need not know which of the two keeps their files.
"""

from __future__ import annotations

import io
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Any

from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.core.files import File
from storages.backends.s3 import S3Storage
from storages.utils import clean_name

from . import files
from .files import Away, NotOurs

_MISSING = frozenset({"NoSuchKey", "404"})
_MOST_AT_ONCE = 1000
# A file at hand is deleted when its block ends; what a killed process left goes after a day.
_AT_HAND, _LEFT_AFTER = ".at-hand", 86400.0


@contextmanager
def _plainly(name: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in _MISSING:
            raise FileNotFoundError(name) from None
        raise Away(f"the bucket refuses: {error}") from error
    except (BotoCoreError, Boto3Error) as error:
        raise Away(f"the bucket does not answer: {error}") from error


class _Body(io.RawIOBase):
    """An object as it comes over the line."""

    def __init__(self, body: Any, name: str) -> None:
        self._body, self._name = body, name

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with _plainly(self._name):
            piece: bytes = self._body.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        self._body.close()
        super().close()


class Bucket(S3Storage):  # type: ignore[misc]  # the library says nothing of its types
    """The whole bucket, as a files.Store and as a storage of Django's."""

    def __init__(self, **options: Any) -> None:
        style = "path" if settings.AWS_S3_ENDPOINT_URL else "auto"
        # Servers that are not Amazon's know no checksums at the end of a body.
        config = Config(
            signature_version="s3v4", s3={"addressing_style": style}, connect_timeout=5, read_timeout=60, retries={"max_attempts": 3, "mode": "standard"},
            request_checksum_calculation="when_required", response_checksum_validation="when_required",
        )  # fmt: skip
        super().__init__(**{"client_config": config, "transfer_config": TransferConfig(use_threads=False), "default_acl": None, **options})

    @property
    def _client(self) -> Any:
        return self.connection.meta.client

    def _key(self, name: str) -> str:
        key: str = self._normalize_name(clean_name(name))
        return key

    def _open(self, name: str, mode: str = "rb") -> File[bytes]:
        with _plainly(name):
            found = self._client.get_object(Bucket=self.bucket_name, Key=self._key(name))
        return File(io.BufferedReader(_Body(found["Body"], name), 1 << 18), name=name)

    def _save(self, name: str, content: Any) -> str:
        with _plainly(name):
            saved: str = super()._save(name, content)
        return saved

    def exists(self, name: str) -> bool:
        """Whether it is there."""
        with _plainly(name):
            return bool(super().exists(name))

    def delete(self, name: str) -> None:
        """Twice is once."""
        with _plainly(name):
            super().delete(name)

    def put(self, name: str, path: Path) -> None:
        """Uploaded, then gone from this machine."""
        with _plainly(name):
            self._client.upload_file(str(path), self.bucket_name, self._key(name), Config=self.transfer_config)
        path.unlink()

    @contextmanager
    def at_hand(self, name: str) -> Iterator[Path]:
        """Fetched, and deleted here when the block ends."""
        with tempfile.NamedTemporaryFile(dir=_workshop()) as file:
            with self.open(name) as content:
                shutil.copyfileobj(content, file, 1 << 20)
            file.flush()
            yield Path(file.name)

    @contextmanager
    def writing(self, name: str) -> Iterator[IO[bytes]]:
        """Written here, uploaded at the end."""
        with tempfile.TemporaryFile(dir=_workshop()) as file:
            yield file
            file.seek(0)
            with _plainly(name):
                self._client.upload_fileobj(file, self.bucket_name, self._key(name), Config=self.transfer_config)

    def listing(self, beginning: str) -> Iterator[tuple[str, int]]:
        """Page by page."""
        with _plainly(beginning):
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket_name, Prefix=beginning):
                for found in page.get("Contents", ()):
                    yield found["Key"], found["Size"]

    def erase(self, beginning: str) -> None:
        """Objects, uploads that were cut off, and what is being made on this machine."""
        found = (name for name, _size in self.listing(beginning))
        while names := list(islice(found, _MOST_AT_ONCE)):
            with _plainly(beginning):
                said = self._client.delete_objects(Bucket=self.bucket_name, Delete={"Objects": [{"Key": name} for name in names], "Quiet": True})
            if said.get("Errors"):
                raise Away(f"the bucket keeps what is to be erased: {said['Errors'][0].get('Code')}")
        with _plainly(beginning):
            for page in self._client.get_paginator("list_multipart_uploads").paginate(Bucket=self.bucket_name, Prefix=beginning):
                for begun in page.get("Uploads", ()):
                    self._client.abort_multipart_upload(Bucket=self.bucket_name, Key=begun["Key"], UploadId=begun["UploadId"])
        local = Path(settings.MEDIA_ROOT) / beginning
        if local.exists():
            shutil.rmtree(local)


def _workshop() -> Path:
    folder = Path(settings.MEDIA_ROOT) / _AT_HAND
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for path in folder.iterdir():
        try:
            if time.time() - path.stat().st_mtime > _LEFT_AFTER:
                path.unlink()
        except FileNotFoundError:
            continue
    return folder


class WorkspaceBucket(Bucket):
    """The same, which opens, writes and deletes only what is below the folder of the workspace we are in."""

    def _normalize_name(self, name: str) -> str:
        """Every access comes through here; raises NotOurs."""
        if not files.is_in(files.folder(), name):
            raise NotOurs
        key: str = super()._normalize_name(name)
        return key
