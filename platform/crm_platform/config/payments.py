"""The host `payments` of the embedded run: whatever is asked there is handed on to the sandbox payment service, a program of its own."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote, urlsplit

from .chunked import Application

# As long as the service may hold an answer back on purpose.
PATIENCE = 120
# What belongs to one connection alone.
_OWN = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"})


class PaymentsDoor:
    """A WSGI application around another: requests for one host go elsewhere."""

    def __init__(self, application: Application, *, host: str, address: str) -> None:
        self.application, self.host = application, host
        self.target = urlsplit(address).netloc

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ.get("HTTP_HOST", "").rpartition(":")[0].lower() != self.host and environ.get("HTTP_HOST", "").lower() != self.host:
            return self.application(environ, start_response)
        connection = http.client.HTTPConnection(self.target, timeout=PATIENCE)
        try:
            connection.request(environ["REQUEST_METHOD"], _target(environ), environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)), _headers(environ))
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException):
            start_response("502 Bad Gateway", [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", "40")])
            return [b"The payment service gave no answer now.\n"]
        finally:
            connection.close()
        kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in _OWN]
        start_response(f"{answer.status} {answer.reason or 'OK'}", [*kept, ("Content-Length", str(len(body)))])
        return [body]


def _target(environ: dict[str, Any]) -> str:
    path = quote(environ.get("PATH_INFO", "/").encode("latin-1"), safe="/:;=@+,$!*'()~-._")
    return f"{path}?{environ['QUERY_STRING']}" if environ.get("QUERY_STRING") else path


def _headers(environ: dict[str, Any]) -> dict[str, str]:
    found = {name[5:].replace("_", "-").title(): value for name, value in environ.items() if name.startswith("HTTP_") and name[5:].replace("_", "-").lower() not in _OWN}
    if environ.get("CONTENT_TYPE"):
        found["Content-Type"] = environ["CONTENT_TYPE"]
    return found
