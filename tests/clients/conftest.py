"""A running product with TLS, and the clients in folders of their own, installed by locks with hashes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import ROOT, Run, clean_environment
from tests.clients.proxy import tunnel

HERE = Path(__file__).parent
SLUG = "demo-workshop"
# Hosts that clients have written into them: they reach us through the proxy.
FOREIGN = "amocrm.ru,kommo.com"


@dataclass(frozen=True)
class Served:
    """The product under test: its plain and its TLS address, the authority to trust, a token of the owner, the proxy."""

    run: Run
    tls_port: int
    proxy: str
    token: str
    email: str

    @property
    def plain(self) -> str:
        return f"http://127.0.0.1:{self.run.port}"

    @property
    def authority(self) -> Path:
        return self.run.data / "tls" / "authority.pem"


def _ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


@pytest.fixture(scope="package")
def served() -> Iterator[Served]:
    """`bin/up` as an integrator starts it, with the demo workspace at 127.0.0.1 and under TLS."""
    data = Path(tempfile.mkdtemp(prefix="kartoteka-clients-"))
    data.chmod(0o755)
    port, tls_port = _ports(2)
    log = (data / "up.log").open("w+")
    command = [
        sys.executable, "-m", "crm_platform.config.embedded.up", "--port", str(port), "--tls-port", str(tls_port), "--api-host", SLUG, "--data", str(data / "data"),
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=clean_environment() | {"EXTRA_BASE_DOMAINS": FOREIGN, "CRM_HOOKS_TO_LOOPBACK": "1"}, cwd=ROOT)
    until = time.monotonic() + 240
    while "Ctrl-C" not in Path(log.name).read_text() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.3)
    printed = Path(log.name).read_text()
    assert "Ctrl-C" in printed, printed
    run = Run(port, data / "data", printed)
    email = next(line.split()[-2] for line in printed.splitlines() if "log in as" in line)
    token = run.crm("create-token", "--workspace", SLUG, "--email", email, "--name", "clients")["token"]
    with tunnel(tls_port) as proxy:
        yield Served(run, tls_port, proxy, token, email)
    process.send_signal(signal.SIGINT)
    process.wait(timeout=60)
    log.close()
    shutil.rmtree(data, ignore_errors=True)


def installed(lock: str) -> Path:
    """The folder with what a lock names, installed once for each content of the lock."""
    path = HERE / lock
    folder = ROOT / ".clients" / f"{path.stem}-{hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"
    if not (folder / ".done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        command = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--require-hashes", "--no-deps", "--target", str(folder), "-r", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        (folder / ".done").touch()
    return folder


def installed_by_npm() -> Path:
    """The folder of node modules that package-lock.json names, installed once for each content of the lock."""
    lock = HERE / "node" / "package-lock.json"
    folder = ROOT / ".clients" / f"node-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    if not (folder / ".done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(HERE / "node", folder)
        done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        (folder / ".done").touch()
    return folder / "node_modules"


Play = Callable[..., dict[str, Any]]


@pytest.fixture
def play(served: Served) -> Play:
    """Run one of the scripts as a program of its own, with a client's folder first on its path; what it prints last is its account.

    `through` the proxy, for clients with a host written into them; `let_in` gives it an integration with a code for its first token.
    """

    def played(script: str, lock: str = "", *, through: bool = False, let_in: bool = False) -> dict[str, Any]:
        told = {
            "KARTOTEKA": served.plain, "TLS_PORT": str(served.tls_port), "SLUG": SLUG, "TOKEN": served.token,
            "REQUESTS_CA_BUNDLE": str(served.authority), "SSL_CERT_FILE": str(served.authority), "NODE_EXTRA_CA_CERTS": str(served.authority),
        }  # fmt: skip
        if let_in:
            made = served.run.crm("create-integration", "--workspace", SLUG, "--email", served.email, "--name", script)
            told |= {name.upper(): value for name, value in made.items()}
        python = script.endswith(".py")
        told |= {"PYTHONPATH": str(installed(lock))} if python else {"NODE_PATH": str(installed_by_npm())}
        proxied = {"HTTPS_PROXY": served.proxy} if through else {"NO_PROXY": "*"}
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        command = [sys.executable if python else "node", str(HERE / "scripts" / script)]
        done = subprocess.run(command, env=kept | told | proxied, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        account: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
        return account

    return played
