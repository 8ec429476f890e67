"""The web server's worker: a client that stops in the middle of its request gives its thread back."""

from __future__ import annotations

import socket
from typing import Any

from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]  # gunicorn carries no types

# No piece of a request may take longer. gunicorn itself waits for ever, and a few stalled clients take all threads.
SECONDS = 5.0


class PatientSocket(socket.socket):
    """A socket whose blocking mode has an end."""

    def setblocking(self, flag: bool) -> None:
        """Blocking means: for a while."""
        self.settimeout(SECONDS if flag else 0.0)

    def recv(self, *size: Any) -> bytes:
        """What has come; nothing, as from one who has gone, where nothing comes in time."""
        try:
            return super().recv(*size)
        except TimeoutError:
            return b""


class PatientListener:
    """A listener whose connections are patient sockets."""

    def __init__(self, listener: Any) -> None:
        self._listener = listener

    def accept(self) -> tuple[socket.socket, Any]:
        """The next connection."""
        client, address = self._listener.accept()
        return PatientSocket(client.family, client.type, client.proto, fileno=client.detach()), address

    def __getattr__(self, name: str) -> Any:
        return getattr(self._listener, name)


class PatientWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn carries no types
    """gunicorn's threads over patient sockets."""

    def accept(self, listener: Any) -> None:
        """Take one connection in."""
        super().accept(PatientListener(listener))
