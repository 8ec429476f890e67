"""Programs that use the open API, as they are given out: each is run by a test."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent


def python() -> str:
    """A program in Python, whole."""
    return (_HERE / "example.py.txt").read_text()


def n8n(base: str) -> str:
    """A workflow that n8n imports, with this workspace's address in it."""
    return (_HERE / "n8n.json").read_text().replace("BASE", base)
