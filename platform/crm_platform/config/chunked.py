"""The small door that lets bodies with `Transfer-Encoding: chunked` in.

The web server hands such a body over already de-chunked, but with no CONTENT_LENGTH, and Django then sees an empty one.
Here it is read up to a bound, kept in memory or (above 1 MB) in a temporary file, and given its length.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable
from typing import IO, Any

MEMORY = 1024 * 1024
STEP = 64 * 1024
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class ChunkedDoor:
    """A WSGI application around another; bodies above `bound` bytes are answered 413."""

    def __init__(self, application: Application, *, bound: int) -> None:
        self.application = application
        self.bound = bound

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if int(environ.get("CONTENT_LENGTH") or 0) > self.bound:
            return _too_large(environ, start_response)
        if "chunked" not in environ.get("HTTP_TRANSFER_ENCODING", "").lower():
            return self.application(environ, start_response)
        body = self._read(environ["wsgi.input"])
        if body is None:
            return _too_large(environ, start_response)
        environ["CONTENT_LENGTH"] = str(body.tell())
        body.seek(0)
        environ["wsgi.input"] = body
        environ.pop("HTTP_TRANSFER_ENCODING")
        return self.application(environ, start_response)

    def _read(self, stream: Any) -> IO[bytes] | None:
        body = tempfile.SpooledTemporaryFile(max_size=MEMORY)  # noqa: SIM115 (it lives as long as the request)
        while piece := stream.read(STEP):
            if body.tell() + len(piece) > self.bound:
                body.close()
                return None
            body.write(piece)
        return body


def _too_large(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    sentence = "The request is larger than this server takes."
    media, body = "text/plain; charset=utf-8", f"{sentence}\n".encode()
    if environ.get("PATH_INFO", "").startswith("/api/"):
        told = {"title": "Content Too Large", "type": "https://httpstatus.es/413", "status": 413, "detail": sentence, "hint": sentence, "code": "too_large"}
        media, body = "application/problem+json", json.dumps(told).encode()
    start_response("413 Content Too Large", [("Content-Type", media), ("Content-Length", str(len(body))), ("Connection", "close")])
    return [body]
