"""What runs is what requirements.lock installs: a machine that never ran the tests has nothing else."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Libraries take these where they happen to be there, and do without.
OPTIONAL = {"pip", "greenlet", "pygments", "pyyaml"}
# Starts what the web server and the worker import, and says whose modules those are.
ASKED = """
import importlib.metadata, json, sys
import crm_platform.config.wsgi
from crm_platform.jobs.broker import queue
import kombu.transport.redis, celery.backends.redis, celery.bin.worker, gunicorn.workers.gthread, gunicorn.app.wsgiapp
import crm_platform.config.embedded.up
whose = importlib.metadata.packages_distributions()
tops = {name.partition(".")[0] for name, module in sys.modules.items() if "site-packages" in (getattr(module, "__file__", None) or "")}
print(json.dumps(sorted({dist for top in tops for dist in whose.get(top, [])})))
"""


def test_everything_the_program_imports_is_in_the_runtime_s_lock() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"} | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'platform'}"}
    done = subprocess.run([sys.executable, "-c", ASKED], capture_output=True, text=True, env=environment, cwd=ROOT, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    imported = {_plain(name) for name in json.loads(done.stdout.strip().splitlines()[-1])}
    locked = {_plain(name) for name in re.findall(r"^([A-Za-z0-9._-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE)}
    assert {"kombu", "redis", "django"} <= imported
    assert imported - locked - OPTIONAL == set()


def test_the_lock_of_the_tests_holds_the_runtime_s() -> None:
    runtime, tests = (set(re.findall(r"^\S+==\S+", (ROOT / name).read_text(), re.MULTILINE)) for name in ("requirements.lock", "requirements-dev.lock"))
    assert runtime - tests == set()


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
