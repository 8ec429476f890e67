"""The stand-in stands alone, and `bin/up` starts it so."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import stripe

from billing.standin import serve
from crm_platform.config.embedded import payments
from crm_platform.config.embedded.datafolder import DataFolder
from crm_platform.config.payments import PaymentsDoor

from .conftest import NEW_YEAR, client_of

STANDIN = Path(__file__).resolve().parents[2] / "billing" / "standin"


def test_it_imports_the_library_and_itself_alone() -> None:
    allowed = {"stripe", *sys.stdlib_module_names}
    for path in STANDIN.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            for name in names:
                assert name.split(".")[0] in allowed or name.startswith("billing.standin"), f"{path.name}: {name}"


def test_the_librarys_version_is_the_one_we_know() -> None:
    assert (stripe.VERSION, stripe.api_version) == ("16.1.0", "2026-10-28.endive")


def _data(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path, {"SECRET_KEY": "a-secret"})


def test_ours_runs_unless_another_is_named(tmp_path: Path) -> None:
    data = _data(tmp_path)
    for name in payments.CHOSEN:
        assert payments.beside(data, {name: "x"}) is None
    found = payments.beside(data, {})
    assert found is not None
    told = found.environment()
    assert told["STRIPE_SECRET_KEY"].startswith("sk_test_")
    again = payments.beside(data, {})
    assert again is not None
    assert again.environment()["STRIPE_SECRET_KEY"] == told["STRIPE_SECRET_KEY"]


def test_it_is_started_with_nothing_of_the_applications(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://secret")
    found = payments.beside(_data(tmp_path), {})
    assert found is not None
    process = found.process(public="http://localhost:8123")
    assert not {name for name in process.environment if name.startswith(("DATABASE", "SECRET", "FIELD", "CRM_"))}
    assert "http://payments.localhost:8123" in process.command
    assert "http://localhost:8123/webhooks/in/stripe" in process.command


def _through(door: PaymentsDoor, host: str, path: str, query: str = "") -> tuple[str, bytes]:
    said: list[Any] = []
    environ = {"HTTP_HOST": host, "PATH_INFO": path, "QUERY_STRING": query, "REQUEST_METHOD": "GET", "wsgi.input": _Empty()}
    body = b"".join(door(environ, lambda status, headers: said.append(status)))
    return str(said[0]), body


class _Empty:
    def read(self, _count: int) -> bytes:
        return b""


def test_the_host_payments_is_handed_on() -> None:
    def inside(_environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        start("200 OK", [])
        return [b"inside"]

    with serve(now=NEW_YEAR) as standin:
        door = PaymentsDoor(inside, host="payments.localhost", address=standin.url)
        client_of(standin).v1.customers.create({})
        assert b"SANDBOX" in _through(door, "payments.localhost:8000", "/")[1]
        assert _through(door, "payments.localhost", "/c/none")[0].startswith("404")
        assert _through(door, "localhost:8000", "/")[1] == b"inside"
        assert _through(door, "other.localhost:8000", "/")[1] == b"inside"
    assert _through(door, "payments.localhost:8000", "/")[0].startswith("502")
