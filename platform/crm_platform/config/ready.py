"""`bin/crm ready`: the checks that are not tests. Each says what it found; the exit status is the worst.

The types take most of the time, so they are checked beside all the others.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from django.conf import settings

from . import translations

LONGEST = "types"
CODE = ["platform", "tenants", "billing", "webhooks", "crm_core", "tests"]


def run(wished: list[str]) -> int:
    """Run all checks, or those named; returns the exit status."""
    chosen = [name for name in CHECKS if not wished or name in wished]
    failed = False
    with ThreadPoolExecutor(1) as longest, ThreadPoolExecutor(1) as others:
        under_way = {name: (longest if name == LONGEST else others).submit(_timed, CHECKS[name]) for name in chosen}
        for name, check in under_way.items():
            found, seconds = check.result()
            failed = failed or bool(found)
            sys.stdout.write(f"{'ok  ' if not found else 'FAIL'}  {name}  ({seconds:.1f} s)\n" + (f"{found.rstrip()}\n" if found else ""))
            sys.stdout.flush()
    return 1 if failed else 0


def _timed(check: Callable[[], str]) -> tuple[str, float]:
    started = time.monotonic()
    return check(), time.monotonic() - started


def _tool(*arguments: str) -> str:
    """What a tool complains about; empty when it is content."""
    done = subprocess.run([sys.executable, "-m", *arguments], cwd=settings.ROOT, capture_output=True, text=True, check=False)  # noqa: S603 (our own arguments)
    return "" if done.returncode == 0 else (done.stdout + done.stderr)[-6000:]


def _contracts() -> str:
    done = subprocess.run([Path(sys.executable).parent / "lint-imports", "--no-cache"], cwd=settings.ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    return "" if done.returncode == 0 else done.stdout[-6000:]


def _migrations() -> str:
    return _tool("crm_platform.config.cli", "makemigrations", "--check", "--dry-run")


def _rules() -> str:
    """What Citus or the previous release would not take of our migrations and SQL."""
    from crm_platform.db.rules import checking  # inline: after setup

    return "\n".join(map(str, checking.everything()))


def _templates() -> str:
    """Every template of ours compiles."""
    from django.template import TemplateSyntaxError  # inline: after setup
    from django.template.loader import get_template  # inline: after setup

    wrong = []
    for root in CODE[:-1]:
        for folder in Path(settings.ROOT, root).rglob("templates"):
            for path in sorted((*folder.rglob("*.html"), *folder.rglob("*.txt"))):
                try:
                    get_template(str(path.relative_to(folder)))
                except TemplateSyntaxError as error:
                    wrong.append(f"{path.relative_to(settings.ROOT)}: {error}")
    return "\n".join(wrong)


CHECKS: dict[str, Callable[[], str]] = {
    "contracts": _contracts,
    "lints": lambda: _tool("ruff", "check", "--no-cache", *CODE),
    "types": lambda: _tool("mypy"),
    "migrations": _migrations,
    "rules": _rules,
    "templates": _templates,
    "translations": translations.missing,
}
