"""A proxy that sends every tunnel to our own TLS port: so that clients whose host is written into them reach us, unmodified."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class _Tunnel(socketserver.StreamRequestHandler):
    """CONNECT any host: the other end is the port of `server.target`."""

    def handle(self) -> None:
        self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        with socket.create_connection(("127.0.0.1", self.server.target), timeout=20) as other:  # type: ignore[attr-defined]
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            there = threading.Thread(target=_pour, args=(self.connection, other), daemon=True)
            there.start()
            _pour(other, self.connection)
            there.join(5)


def _pour(source: socket.socket, target: socket.socket) -> None:
    try:
        while piece := source.recv(65536):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address, daemon_threads = True, True


@contextmanager
def tunnel(target: int) -> Iterator[str]:
    """The proxy's address, for HTTPS_PROXY; every tunnel ends at the port `target`."""
    with _Server(("127.0.0.1", 0), _Tunnel) as server:
        server.target = target  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
