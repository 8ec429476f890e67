"""The papers by which `bin/up --tls-port` speaks TLS."""

from __future__ import annotations

import ssl
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from crm_platform.config.embedded import tls


def test_papers_are_made_once_and_anew_for_other_hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = tls.papers(tmp_path / "tls", domains=("localhost", "amocrm.ru"), hosts=("acme.localhost",))
    before = first.certificate.read_bytes()
    assert stat.S_IMODE(first.key.stat().st_mode) == 0o600
    ssl.create_default_context(cafile=first.authority)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(first.certificate, first.key)
    assert tls.papers(tmp_path / "tls", domains=("localhost", "amocrm.ru"), hosts=("acme.localhost",)).certificate.read_bytes() == before
    other = tls.papers(tmp_path / "tls", domains=("localhost",)).certificate.read_bytes()
    assert other != before
    monkeypatch.setattr(tls, "_RENEWED", timedelta(days=400))
    assert tls.papers(tmp_path / "tls", domains=("localhost",)).certificate.read_bytes() != other
