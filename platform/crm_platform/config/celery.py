"""The worker's entry: Django first, then the one task."""

from __future__ import annotations

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm_platform.config.settings.production")
django.setup()

from celery.signals import task_postrun  # noqa: E402
from django.db import close_old_connections  # noqa: E402

from crm_platform.jobs.broker import app  # noqa: E402

__all__ = ["app"]


@task_postrun.connect
def _tidy(**_given: object) -> None:
    """Connections grow old in workers too."""
    close_old_connections()
