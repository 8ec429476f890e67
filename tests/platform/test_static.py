"""Styles as they are served."""

from __future__ import annotations

import json
import re
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


ROOT = Path(__file__).parents[2]
CLASSES = re.compile(r'class="((?:\{%.*?%\}|\{\{.*?\}\}|[^"])*)"')
SPOKEN = re.compile(r"\{%.*?%\}|\{\{.*?\}\}")


def test_every_class_of_a_template_has_a_rule() -> None:
    """A class that no sheet knows draws nothing: a typo, or a page forgotten by a change of names."""
    sheets = "\n".join(path.read_text() for path in (ROOT / "platform/crm_platform/ui/static/ui/css").rglob("*.css"))
    known = set(re.findall(r"\.([a-zA-Z][\w-]*)", sheets))
    strange = {
        f"{path.relative_to(ROOT)}: {name}"
        for house in ("platform", "tenants", "crm_core", "billing", "webhooks")
        for path in (ROOT / house).rglob("templates/**/*.html")
        for found in CLASSES.findall(path.read_text())
        for name in SPOKEN.sub("\0", found).split()
        if re.fullmatch(r"[a-z][\w-]*", name) and name not in known
    }
    assert not strange


def _sheet(root: Path) -> str:
    manifest = json.loads((root / "staticfiles.json").read_text())
    return (root / manifest["paths"]["ui/css/app.css"]).read_text()
