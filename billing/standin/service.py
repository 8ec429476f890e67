"""The service as a running thing: its world, its clock, its deliveries, and the server in front of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .control import Control
from .delivering import Deliveries
from .door import Call, Door, Reply, as_json
from .errors import ApiError
from .pages import Pages
from .present import whole
from .shapes import Obj
from .store import Store
from .timeline import Timeline
from .world import Place, World

_MOST = 4 * 1024 * 1024
_TICK = 0.5
_SENDERS = 4


class Service:
    """One stand-in payment service. `start` begins its own threads; without, time and deliveries move when they are told to."""

    def __init__(self, *, place: Place, path: Path | None = None) -> None:
        self.world = World(Store(path), place)
        self.world.show = lambda row: whole(self.world, row)
        self.deliveries = Deliveries(self.world)
        self.world.told = self.deliveries.plan
        self.timeline = Timeline(self.world)
        self.world.store.saved = self._saved
        self.deliveries.take_up()
        self.door = Door(self.world, self.timeline)
        self.control = Control(self.world, self.timeline, self.deliveries)
        self.pages = Pages(self.world, self.control)
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []

    def _saved(self, row: Obj) -> None:
        self.timeline.note(row)
        self.deliveries.note(row)

    def start(self, *, background: bool = True) -> None:
        """Let time pass and events go out by themselves."""
        wanted = [self._tick, *[lambda: self.deliveries.work(self._stopped)] * _SENDERS] if background else []
        self.deliveries.working = background
        for work in wanted:
            thread = threading.Thread(target=work, daemon=True)
            thread.start()
            self._threads.append(thread)

    def _tick(self) -> None:
        while not self._stopped.wait(_TICK):
            self.timeline.run(self.world.today())
            with self.world.store.lock:
                self.timeline.tidy()

    def stop(self) -> None:
        """End the threads and let go of the file."""
        self._stopped.set()
        for thread in self._threads:
            thread.join(5)
        with self.world.store.lock:
            self.world.store.close()

    def answer(self, call: Call) -> Reply:
        """The answer to any request."""
        try:
            if call.path.startswith("/v1/"):
                return self.door.answer(call)
            if call.path.startswith("/_ctl/"):
                return self.control.answer(call)
            if call.path.startswith("/v"):
                raise ApiError(f"Unrecognized request URL ({call.method}: {call.path}).", status=404)
            return self.pages.answer(call)
        except ApiError as error:
            return as_json(error.status, error.body())
        except Exception as error:
            self.world.faults.note(error)
            return as_json(500, ApiError(f"Something went wrong in the stand-in: {type(error).__name__}: {error}", status=500, kind="api_error").body())


def _handler(service: Service) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Reads a request, writes the answer in one piece."""

        protocol_version = "HTTP/1.1"
        server_version = "standin"
        sys_version = ""
        disable_nagle_algorithm = True

        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            if length > _MOST:
                self._write(as_json(413, ApiError("The request is too large.", status=413).body()))
                self.close_connection = True
                return
            parts = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            self._write(service.answer(Call(self.command, parts.path, parts.query, self.rfile.read(length), headers)))

        do_GET = do_POST = do_DELETE = do_HEAD = _serve  # noqa: N815 (the base class looks for these)

        def _write(self, reply: Reply) -> None:
            if reply.silent:
                self.close_connection = True
                return
            head = [f"HTTP/1.1 {reply.status} {self.responses.get(reply.status, ('', ''))[0]}", f"Date: {self.date_time_string()}"]
            head += [f"{name}: {value}" for name, value in reply.headers.items()]
            head += [f"Content-Length: {len(reply.body)}", "", ""]
            body = b"" if self.command == "HEAD" else reply.body
            self.wfile.write("\r\n".join(head).encode("latin-1", "replace") + body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class's own name)
            pass

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A visitor who hangs up is no error."""


class Running:
    """A service that answers at an address."""

    def __init__(self, service: Service, server: ThreadingHTTPServer) -> None:
        self.service, self.server = service, server
        self.url = f"http://127.0.0.1:{server.server_address[1]}"

    @property
    def world(self) -> World:
        """What it knows."""
        return self.service.world

    @property
    def secret_key(self) -> str:
        """The key that programs show."""
        return self.world.place.secret_key

    @property
    def webhook_secret(self) -> str:
        """The secret that signs what is told to the address given at the start."""
        return self.world.place.webhook_secret

    def advance(self, seconds: int) -> int:
        """Move the clock on and let everything happen on the way; returns the new moment."""
        return self.service.control.advance_to(self.world.today() + seconds)

    def advance_to(self, moment: int) -> int:
        """Move the clock on to a moment; it stands there until it is moved again."""
        return self.service.control.advance_to(moment)

    def deliver(self, *, everything: bool = False) -> int:
        """Send what waits, in this thread; returns how much."""
        return self.service.deliveries.deliver(everything=everything)


@contextmanager
def serve(
    *, port: int = 0, path: Path | None = None, public: str = "", secret_key: str = "sk_test_standin", webhook_url: str = "",  # noqa: S107 (a stand-in's)
    webhook_secret: str = "whsec_standin", background: bool = False, now: int | None = None,  # noqa: S107 (a stand-in's)
) -> Iterator[Running]:  # fmt: skip
    """A service on a free port of this machine, in threads of this process. `now` lets its clock stand at a moment."""
    server = _Server(("127.0.0.1", port), BaseHTTPRequestHandler)
    address = f"http://127.0.0.1:{server.server_address[1]}"
    service = Service(place=Place(public or address, secret_key, webhook_url, webhook_secret), path=path)
    server.RequestHandlerClass = _handler(service)
    if now is not None:
        service.control.stop_clock(now)
    service.start(background=background)
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.05), daemon=True)
    thread.start()
    try:
        yield Running(service, server)
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
        service.stop()


def run_forever(*, port: int, path: Path, place: Place) -> None:
    """The service as a program: until it is told to end."""
    service = Service(place=place, path=path)
    server = _Server(("127.0.0.1", port), _handler(service))
    service.start()
    try:
        server.serve_forever(poll_interval=0.2)
    finally:
        server.server_close()
        service.stop()
