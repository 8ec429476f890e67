"""Styles as they are served."""

from __future__ import annotations

import json
from pathlib import Path

from django.core.management import call_command


def test_a_second_collection_takes_the_styles_of_this_release(settings: object, tmp_path: Path) -> None:
    settings.STATIC_ROOT = tmp_path  # type: ignore[attr-defined]
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": "crm_platform.ui.storage.StaticStorage"}}  # type: ignore[attr-defined]
    call_command("collectstatic", "--noinput", "--verbosity", "0")
    first = _sheet(tmp_path)
    (tmp_path / "ui/css/app.css").write_text("/* of the release before */")
    call_command("collectstatic", "--noinput", "--verbosity", "0")
    assert _sheet(tmp_path) == first
    assert "@import" not in first
    assert ".palette" in first


def _sheet(root: Path) -> str:
    manifest = json.loads((root / "staticfiles.json").read_text())
    return (root / manifest["paths"]["ui/css/app.css"]).read_text()
