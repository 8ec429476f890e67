"""The house itself: its layout, its budgets, what is vendored, and rules no tool has."""

from __future__ import annotations

import ast
import hashlib
import re
import tomllib
from pathlib import Path

import pytest
from django.apps import apps
from django.db import models
from django.utils.module_loading import autodiscover_modules

from crm_platform.config import env, house_commands  # noqa: F401 (registers its commands)
from crm_platform.kernel import commands

ROOT = Path(__file__).resolve().parents[2]
# What only those who write the program use.
HOUSEWORK = frozenset({"lock", "translations", "cut-release"})
CODE = ["platform/crm_platform", "tenants", "billing", "webhooks", "crm_core"]
TOP = {"platform", "tenants", "billing", "crm_core", "webhooks", "infra", "tests", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "bin"}
FILES = [path for root in CODE for path in sorted((ROOT / root).rglob("*.py")) if "migrations" not in path.parts and "their_migrations" not in path.parts]
# The longest today are named with their reason; nothing else may outgrow these.
MOST_LINES, MOST_IN_FUNCTION = 420, 45


def test_platform_is_a_root_and_no_package() -> None:
    assert not (ROOT / "platform" / "__init__.py").exists()
    import platform

    assert platform.system()


def test_the_top_level_is_fixed() -> None:
    import subprocess

    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    found = {line.split("/")[0] for line in tracked if line}
    extra = {name for name in found - TOP if not name.startswith((".", "requirements"))}
    assert not extra


def test_no_file_and_no_function_outgrows_its_budget() -> None:
    wrong = []
    for path in FILES:
        text = path.read_text()
        if text.count("\n") > MOST_LINES:
            wrong.append(f"{path.relative_to(ROOT)}: {text.count(chr(10))} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno > MOST_IN_FUNCTION:
                wrong.append(f"{path.relative_to(ROOT)}: {node.name} has {(node.end_lineno or 0) - node.lineno} lines")
    assert not wrong, "\n".join(wrong)


def test_no_drawer_called_utils() -> None:
    drawers = {"utils", "util", "common", "helpers", "misc", "shared"}
    assert not [path for path in FILES if path.stem in drawers or drawers & set(path.relative_to(ROOT).parts)]


def test_public_functions_carry_docstrings() -> None:
    wrong = []
    for path in FILES:
        tree = ast.parse(path.read_text())
        if not ast.get_docstring(tree) and path.read_text().strip():
            wrong.append(f"{path.relative_to(ROOT)}: the module")
        for node in tree.body:
            public = isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_")
            if public and not ast.get_docstring(node) and not path.name.endswith("apps.py") and "models" not in path.name:
                wrong.append(f"{path.relative_to(ROOT)}: {node.name}")
    assert not wrong, "\n".join(wrong)


def test_composed_sql_stands_only_where_it_must() -> None:
    """Injection is kept out by parameters; composed statements are the provisioning's, of constants and identifiers, and two of Django's own in one packet."""
    allowed = {"platform/crm_platform/db/base.py", "platform/crm_platform/db/prepared.py", "tenants/provisioning", "tenants/carrying"}
    pattern = re.compile(r"\.(raw|extra)\(|execute\(\s*f[\"']|RawSQL")
    found = [str(path.relative_to(ROOT)) for path in FILES if pattern.search(path.read_text())]
    assert not [path for path in found if not any(path.startswith(where) for where in allowed)]


def test_numbers_in_texts_are_read_with_care() -> None:
    """"²".isdigit() is true and int("²") raises: texts of requests go through kernel.reading. The readers of spreadsheets know what they have before them."""
    allowed = ("platform/crm_platform/kernel/reading.py", "crm_core/groundwork/imports/")
    found = [str(path.relative_to(ROOT)) for path in FILES if re.search(r"\.is(digit|numeric)\(", path.read_text())]
    assert not [path for path in found if not path.startswith(allowed)]


def test_what_is_vendored_is_what_it_says() -> None:
    folder = ROOT / "platform/crm_platform/ui/static/ui/vendor"
    listed = tomllib.loads((folder / "VENDORED.toml").read_text())["file"]
    for entry in listed:
        assert hashlib.sha256((folder / entry["name"]).read_bytes()).hexdigest() == entry["sha256"], entry["name"]
        assert entry["licence"]
        assert entry["version" if "version" in entry else "source"]
    names = {Path(entry["name"]).name for entry in listed}
    assert {path.name for path in folder.iterdir()} - {"VENDORED.toml"} <= names


def test_templates_hold_no_inline_script_or_style() -> None:
    wrong = []
    for root in CODE:
        for path in (ROOT / root).rglob("templates/**/*.html"):
            text = path.read_text()
            if "letters" in path.parts:
                continue
            if re.search(r"<script(?![^>]*(src=|application/json))", text) or re.search(r"\son\w+=\"", text) or re.search(r"\sstyle=\"", text):
                wrong.append(str(path.relative_to(ROOT)))
    assert not wrong


def test_nothing_of_a_workspace_points_to_people_with_a_cascade() -> None:
    """Django's collector walks relations of the other side and fails: one-sided applications use DO_NOTHING."""
    from django.conf import settings

    from crm_platform.accounts.models import User

    both = {config.label for config in apps.get_app_configs() if config.name in settings.BOTH_APPS}
    for relation in User._meta.related_objects:
        if relation.related_model._meta.app_label not in both:
            assert relation.on_delete is models.DO_NOTHING, relation.related_model


def test_identities_are_bigint_from_the_start() -> None:
    for model in apps.get_models():
        key = model._meta.pk
        if isinstance(key, models.AutoField) and model._meta.app_label not in ("contenttypes", "auth"):
            assert isinstance(key, models.BigAutoField), model


def test_no_machines_path_and_no_package_index_in_any_file() -> None:
    hosts = ("files.python" + "hosted", "pypi." + "org/simple")  # in pieces: this file names none either
    pattern = re.compile(r"/(home|Users|root)/\w|--index-url|--extra-index|" + "|".join(map(re.escape, hosts)))
    wrong = []
    for path in [*FILES, *ROOT.glob("requirements*"), *(ROOT / "bin").iterdir(), ROOT / "pyproject.toml"]:
        if path.is_file() and pattern.search(path.read_text(errors="ignore")):
            wrong.append(str(path.relative_to(ROOT)))
    assert not wrong


@pytest.mark.parametrize("name", ["LICENSE", "CHANGELOG.md", "README.md", "platform/docs/STYLE.md", "platform/docs/OPERATING.md"])
def test_papers_are_there(name: str) -> None:
    assert (ROOT / name).stat().st_size > 400


def test_every_command_and_every_variable_stands_in_what_operators_read() -> None:
    autodiscover_modules("commands")
    words = set(re.findall(r"[\w-]+", (ROOT / "README.md").read_text() + (ROOT / "platform/docs/OPERATING.md").read_text()))
    shown = {name for name, command in commands.group.commands.items() if not command.hidden}
    assert sorted((shown | env.KNOWN | {*env.BUCKET}) - words - HOUSEWORK) == []
