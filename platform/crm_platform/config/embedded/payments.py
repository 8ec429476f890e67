"""The sandbox payment service of the embedded run: a program of its own, unless the operator names another or the real one."""

from __future__ import annotations

import hashlib
import hmac
import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from .datafolder import DataFolder
from .supervisor import Process

# With any of these the payments are somebody else's, and ours is not started.
CHOSEN = ("STRIPE_API_BASE", "STRIPE_SECRET_KEY")


@dataclass(frozen=True, slots=True)
class Payments:
    """Where the service listens, and the secrets it shares with the application."""

    data: DataFolder
    port: int

    def environment(self) -> dict[str, str]:
        """What the application is told: where to ask, by what key, how events are signed, and whose pages `payments` shows."""
        address = f"http://127.0.0.1:{self.port}"
        return {"STRIPE_API_BASE": address, "CRM_PAYMENTS": address, "STRIPE_SECRET_KEY": f"sk_test_{self._drawn('key')}", "STRIPE_WEBHOOK_SECRET": f"whsec_{self._drawn('webhooks')}"}

    def _drawn(self, name: str) -> str:
        return hmac.new(self.data.secrets["SECRET_KEY"].encode(), f"payments.{name}".encode(), hashlib.sha256).hexdigest()[:32]

    def process(self, *, public: str) -> Process:
        """How it is started; it is given nothing of the application's but the two secrets."""
        parts = urlsplit(public)
        pages = f"{parts.scheme}://payments.{parts.netloc}"
        command = [
            sys.executable, "-m", "billing.standin", "--port", str(self.port), "--data", str(self.data.sub("payments") / "state.sqlite3"),
            "--public", pages, "--webhook-url", f"{public.rstrip('/')}/webhooks/in/stripe",
        ]  # fmt: skip
        own = {name: value for name, value in self.environment().items() if name.startswith("STRIPE_")}
        passed = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR", "SSL_CERT_FILE") if name in os.environ}
        return Process("payments", command, passed | own, self.data.path / "logs" / "payments.log")


def beside(data: DataFolder, given: Mapping[str, str]) -> Payments | None:
    """The service for a run on the folder, at a free port; None where the environment names another."""
    if any(name in given for name in CHOSEN):
        return None
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return Payments(data, probe.getsockname()[1])
