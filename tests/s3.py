"""A stand-in for a server of objects, as boto3 speaks to it: enough of S3 for our tests, in memory, at 127.0.0.1."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape, unescape

KEY, BUCKET = "test-key", "firm-files"
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


@dataclass
class Server:
    """What is in the bucket, what was asked; `down` answers nothing but 503, `page` is how many keys a listing gives at a time."""

    objects: dict[str, bytes] = field(default_factory=dict)
    uploads: dict[str, tuple[str, dict[int, bytes]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    down: bool = False
    page: int = 2
    port: int = 0

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Any

    def log_message(self, *_given: Any) -> None:
        """Tests are quiet."""

    def _any(self) -> None:
        kept: Server = self.server.kept
        parts = urlsplit(self.path)
        _nothing, bucket, *key = parts.path.split("/", 2)
        self.key, self.query = unquote("".join(key)), {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        kept.asked.append(f"{self.command} {self.key or parts.query}")
        if kept.down:
            return self._error(503, "ServiceUnavailable")
        if f"Credential={KEY}/" not in self.headers.get("Authorization", ""):
            return self._error(403, "AccessDenied")
        if bucket != BUCKET:
            return self._error(404, "NoSuchBucket")
        kind = next((name for name in ("uploads", "uploadId", "delete", "list-type") if name in self.query), "plain")
        return getattr(self, f"_{self.command}_{kind.replace('-', '_')}")(kept, body)

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _any  # noqa: N815 (the library's names)

    def _GET_plain(self, kept: Server, _body: bytes) -> None:  # noqa: N802
        if self.key not in kept.objects:
            return self._error(404, "NoSuchKey")
        return self._say(200, kept.objects[self.key])

    _HEAD_plain = _GET_plain

    def _PUT_plain(self, kept: Server, body: bytes) -> None:  # noqa: N802
        kept.objects[self.key] = body
        self._say(200, b"", ETag=f'"{hashlib.md5(body).hexdigest()}"')  # noqa: S324 (what S3 gives)

    def _DELETE_plain(self, kept: Server, _body: bytes) -> None:  # noqa: N802
        kept.objects.pop(self.key, None)
        self._say(204, b"")

    def _GET_list_type(self, kept: Server, _body: bytes) -> None:  # noqa: N802
        after, prefix = self.query.get("continuation-token", ""), self.query.get("prefix", "")
        found = [key for key in sorted(kept.objects) if key.startswith(prefix) and key > after]
        shown, more = found[: kept.page], len(found) > kept.page
        told = "".join(f"<Contents><Key>{escape(key)}</Key><Size>{len(kept.objects[key])}</Size></Contents>" for key in shown)
        following = f"<NextContinuationToken>{escape(shown[-1])}</NextContinuationToken>" if more else ""
        self._xml(f"<ListBucketResult><IsTruncated>{str(more).lower()}</IsTruncated>{told}{following}</ListBucketResult>")

    def _POST_delete(self, kept: Server, body: bytes) -> None:  # noqa: N802
        for key in re.findall(r"<Key>(.*?)</Key>", body.decode()):
            kept.objects.pop(unescape(key), None)
        self._xml("<DeleteResult></DeleteResult>")

    def _POST_uploads(self, kept: Server, _body: bytes) -> None:  # noqa: N802
        number = f"upload-{len(kept.asked)}"
        kept.uploads[number] = self.key, {}
        self._xml(f"<InitiateMultipartUploadResult><UploadId>{number}</UploadId></InitiateMultipartUploadResult>")

    def _PUT_uploadId(self, kept: Server, body: bytes) -> None:  # noqa: N802
        kept.uploads[self.query["uploadId"]][1][int(self.query["partNumber"])] = body
        self._say(200, b"", ETag=f'"{hashlib.md5(body).hexdigest()}"')  # noqa: S324

    def _POST_uploadId(self, kept: Server, _body: bytes) -> None:  # noqa: N802
        key, parts = kept.uploads.pop(self.query["uploadId"])
        kept.objects[key] = b"".join(parts[number] for number in sorted(parts))
        self._xml('<CompleteMultipartUploadResult><ETag>"x"</ETag></CompleteMultipartUploadResult>')

    def _DELETE_uploadId(self, kept: Server, _body: bytes) -> None:  # noqa: N802
        kept.uploads.pop(self.query["uploadId"], None)
        self._say(204, b"")

    def _GET_uploads(self, kept: Server, _body: bytes) -> None:  # noqa: N802
        begun = [(number, key) for number, (key, _parts) in kept.uploads.items() if key.startswith(self.query.get("prefix", ""))]
        told = "".join(f"<Upload><Key>{escape(key)}</Key><UploadId>{number}</UploadId></Upload>" for number, key in begun)
        self._xml(f"<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>{told}</ListMultipartUploadsResult>")

    def _error(self, status: int, code: str) -> None:
        self._say(status, f"{HEAD}<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode())

    def _xml(self, text: str) -> None:
        self._say(200, (HEAD + text).encode())

    def _say(self, status: int, content: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD" and status != 204:
            self.wfile.write(content)


@contextmanager
def running() -> Iterator[Server]:
    """The server, while the block runs."""
    kept = Server()
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads, server.kept, kept.port = True, kept, server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
