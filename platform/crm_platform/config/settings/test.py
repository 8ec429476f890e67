"""Tests and checks: the same, with quick password hashing and mail kept in memory."""

from __future__ import annotations

import os

os.environ.setdefault("SECRET_KEY", "only-for-tests-" + "k" * 40)

from crm_platform.config import env

from .base import *  # noqa: F403
from .base import STORAGES

# At which named moment (kernel.points) this process dies. Production has no such setting, and refuses to start with the variable.
KILLED_AT = env.read("CRM_KILLED_AT")

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = True
SHOW_DESIGN = True
CRM_CLOCK_MOVES = True
