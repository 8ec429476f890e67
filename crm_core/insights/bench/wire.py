"""Counting round trips to the database on the wire itself: a listener between a login and its server."""

from __future__ import annotations

import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from django.db import connections


class Wire:
    """Carries bytes both ways; each time the client speaks after the server has, is one round trip."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self.trips = 0
        self._address = str(settings["HOST"]), str(settings["PORT"] or 5432)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / f".s.PGSQL.{self._address[1]}"))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):  # closed at the end
            while True:
                client, _name = self._listener.accept()
                server = self._connected()
                turn = {"of": "server"}
                for from_one, to_other, who in ((client, server, "client"), (server, client, "server")):
                    threading.Thread(target=self._carry, args=(from_one, to_other, who, turn), daemon=True).start()

    def _connected(self) -> socket.socket:
        host, port = self._address
        if not host.startswith("/"):
            return socket.create_connection((host, int(port)))
        server = socket.socket(socket.AF_UNIX)
        server.connect(f"{host}/.s.PGSQL.{port}")
        return server

    def _carry(self, from_one: socket.socket, to_other: socket.socket, who: str, turn: dict[str, str]) -> None:
        with suppress(OSError):
            while piece := from_one.recv(65536):
                if who == "client" and turn["of"] == "server":
                    self.trips += 1
                turn["of"] = who
                to_other.sendall(piece)
        for one in (from_one, to_other):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()


@contextmanager
def tapped(alias: str) -> Iterator[Wire]:
    """Let the connections of an alias go through a Wire in the block; they are made anew before and after."""
    settings = connections.settings[alias]
    before = settings["HOST"]
    with tempfile.TemporaryDirectory(prefix="wire-") as folder:
        wire = Wire(Path(folder), settings)
        connections[alias].close()
        settings["HOST"] = folder
        try:
            yield wire
        finally:
            connections[alias].close()
            settings["HOST"] = before
            wire.close()
