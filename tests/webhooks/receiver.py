"""A receiver of webhooks in a thread of its own: it keeps what it got and answers as it is told; and a parser of PHP's brackets."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl


@dataclass
class Got:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float
    method: str = "POST"

    @property
    def form(self) -> Any:
        return php(self.body.decode())


@dataclass
class Receiver:
    """`answer(number, got)` gives the status, or speaks on the handler by itself and gives None."""

    url: str = ""
    got: list[Got] = field(default_factory=list)
    answer: Callable[[int, Got, BaseHTTPRequestHandler], int | None] = lambda number, got, handler: 200
    connections: int = 0


@contextmanager
def receiving(answer: Callable[..., int | None] | None = None, *, version: str = "HTTP/1.0") -> Iterator[Receiver]:
    """A receiver for the block; by HTTP/1.1 it keeps its connections."""
    receiver = Receiver()
    if answer is not None:
        receiver.answer = answer

    class Handler(BaseHTTPRequestHandler):
        protocol_version = version

        def setup(self) -> None:
            receiver.connections += 1
            super().setup()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            got = Got(self.path, {name.lower(): value for name, value in self.headers.items()}, body, time.monotonic(), self.command)
            receiver.got.append(got)
            status = receiver.answer(len(receiver.got), got, self)
            if status is not None:
                self.send_response(status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

        do_GET = do_POST  # noqa: N815 (the name that http.server calls)

        def log_message(self, *_given: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_given: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def php(body: str) -> Any:
    """A form as PHP reads it: brackets become arrays; those counted from 0 lists."""
    tree: dict[str, Any] = {}
    for name, value in parse_qsl(body, keep_blank_values=True, strict_parsing=True):
        head, rest = re.match(r"([^\[]+)(.*)", name).groups()  # type: ignore[union-attr]
        path, at = [head, *re.findall(r"\[([^\]]*)\]", rest)], tree
        for part in path[:-1]:
            at = at.setdefault(part, {})
        at[path[-1]] = value
    return _lists(tree)


def _lists(tree: Any) -> Any:
    if not isinstance(tree, dict):
        return tree
    found = {key: _lists(value) for key, value in tree.items()}
    return list(found.values()) if list(found) == [str(number) for number in range(len(found))] else found
