"""The web server keeps the memory of a large page for the next one: with glibc, a thread that takes and frees it again has no fresh leaves to pay for."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest
from django.conf import settings

# Four megabytes in pieces that come from malloc, taken and given back in a thread; what is printed are the page faults of the later rounds.
_PAGES = """
import resource, sys, threading
if sys.argv[1] == "served":
    import crm_platform.config.wsgi

def page():
    return [bytes(1000) for _ in range(4000)]

def rounds():
    page(); page()
    before = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
    for _ in range(10):
        page()
    print(resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - before)

thread = threading.Thread(target=rounds)
thread.start()
thread.join()
"""


def _faults(how: str) -> int:
    given = {**os.environ, "DJANGO_SETTINGS_MODULE": os.environ.get("DJANGO_SETTINGS_MODULE", settings.SETTINGS_MODULE)}
    told = subprocess.run([sys.executable, "-c", _PAGES, how], env=given, cwd=settings.ROOT, capture_output=True, text=True, check=True, timeout=120)
    return int(told.stdout.split()[-1])


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is glibc's")
def test_a_large_page_leaves_its_memory_for_the_next_one() -> None:
    plain, served = _faults("plain"), _faults("served")
    assert served < 200 < plain, (plain, served)
