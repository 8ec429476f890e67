"""What the web server serves."""

from __future__ import annotations

import ctypes
import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm_platform.config.settings.production")

_django = get_wsgi_application()

from django.conf import settings  # noqa: E402 (settings are chosen above)

from crm_platform.config.chunked import ChunkedDoor  # noqa: E402
from crm_platform.config.payments import PaymentsDoor  # noqa: E402

# What glibc's malloc.h calls them: M_ARENA_MAX, M_TRIM_THRESHOLD, M_MMAP_THRESHOLD.
_ROOM = {-8: 2, -1: 8 << 20, -3: 1 << 20}


def _keep_room() -> None:
    """Let what a large page took stay with the process for the next one, at most 8 MB in each of two arenas.

    glibc gives the end of a thread's arena back after each answer: the next page of 250 leads then pays for 500 fresh leaves
    of memory, a tenth of its time. Where there is another C library, nothing is changed.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for name, value in _ROOM.items():
            mallopt(name, value)


_inside = PaymentsDoor(_django, host=f"payments.{settings.PUBLIC_HOST}", address=settings.CRM_PAYMENTS) if settings.CRM_PAYMENTS else _django
application = ChunkedDoor(_inside, bound=settings.CRM_MAX_BODY)

_keep_room()

# What is loaded by now stays until the end. Kept out of the collector's rounds, and the rounds made rarer, a page is not
# held up by walks through a few hundred thousand objects of the framework.
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 20, 20)
