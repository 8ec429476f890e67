"""Tests and checks: the same, with quick password hashing and mail kept in memory."""

from __future__ import annotations

import os

os.environ.setdefault("SECRET_KEY", "only-for-tests-" + "k" * 40)
# At which named moment (kernel.points) this process dies. Taken out of the environment before the rest is read: to any other settings it is an unknown variable.
KILLED_AT = os.environ.pop("CRM_KILLED_AT", "")

from .base import *  # noqa: F403
from .base import STORAGES

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = True
SHOW_DESIGN = True
