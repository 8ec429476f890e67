"""A server for real firms, and the embedded run (which differs by CRM_EMBEDDED alone)."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured

from crm_platform.config import env

from .base import *  # noqa: F403
from .base import (
    CRM_HOOKS_TO_LOOPBACK,
    DATABASES,
    EMBEDDED,
    SECRET_KEY,
    SECURE,
    STATIC_ROOT,
    STRIPE_API_BASE,
    STRIPE_SECRET_KEY,
    STRIPE_WEBHOOK_SECRETS,
)

if env.read("CRM_KILLED_AT"):
    raise ImproperlyConfigured("CRM_KILLED_AT lets a process die on purpose: it is for the tests alone.")
if CRM_HOOKS_TO_LOOPBACK and not EMBEDDED:
    raise ImproperlyConfigured("CRM_HOOKS_TO_LOOPBACK would let a firm's webhooks reach this machine itself: it is for the embedded run and the tests.")
if not SECRET_KEY:
    raise ImproperlyConfigured("SECRET_KEY is not set.")
if "control" not in DATABASES:
    raise ImproperlyConfigured("Set DATABASE_URL, or DATABASE_URL, DATABASE_CONTROL_URL and (for the keeper alone) DATABASE_OWNER_URL.")
env.refuse_payments(key=STRIPE_SECRET_KEY, secrets=STRIPE_WEBHOOK_SECRETS, base=STRIPE_API_BASE, embedded=EMBEDDED)
if SECURE and not EMBEDDED:
    SECURE_SSL_REDIRECT = False  # the proxy's work; workspaces are told apart by host before that
    SECURE_HSTS_SECONDS = 60 * 60 * 24 * 365
WHITENOISE_MAX_AGE = 0
WHITENOISE_USE_FINDERS = not STATIC_ROOT.exists()
