"""A release of tomorrow: one more migration in this process, for tests and the bench; nothing of it is in the tree."""

from __future__ import annotations

import importlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.db.migrations.loader import MigrationLoader
from django.test.utils import override_settings

from crm_platform.kernel import ids
from tenants import routing
from tenants.provisioning import template


@contextmanager
def release(label: str, name: str, operations: str, *, atomic: bool = True) -> Iterator[str]:
    """Let the application have a further migration in the block; gives the version's fingerprint.

    `operations` is Python source in which `migrations` and `models` may be used; it follows the last one there is.
    """
    given, _explicit = MigrationLoader.migrations_module(label)
    source = Path(str(importlib.import_module(str(given)).__file__)).parent
    folder = Path(tempfile.mkdtemp(prefix="rehearsal-"))
    package = f"rehearsal_{ids.random_id(8)}"
    shutil.copytree(source, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    last = sorted(path.stem for path in source.glob("[0-9]*.py"))[-1]
    (folder / package / f"{name}.py").write_text(_SOURCE.format(label=label, last=last, operations=operations, atomic=atomic), encoding="utf-8")
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        with override_settings(MIGRATION_MODULES={**settings.MIGRATION_MODULES, label: package}):
            _forget()
            yield template.fingerprint()
    finally:
        sys.path.remove(str(folder))
        shutil.rmtree(folder, ignore_errors=True)
        _forget()


_SOURCE = """from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = {atomic}
    dependencies = [("{label}", "{last}")]
    operations = [{operations}]
"""


def _forget() -> None:
    apps.clear_cache()
    for kept in (template.fingerprint, template.names, template.names_as_json):
        kept.cache_clear()
    routing.forget()
