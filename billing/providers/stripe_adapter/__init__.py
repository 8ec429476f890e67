"""Stripe, by its own library. No type of it crosses this folder's edge; `register` opens the door where a key is set."""

from __future__ import annotations

from django.conf import settings

from billing.providers import registry
from billing.providers.protocol import Provider

CODE = "stripe"


def configured() -> Provider | None:
    """The adapter by the settings; None without a key."""
    if not settings.STRIPE_SECRET_KEY:
        return None
    from .adapter import StripeProvider  # noqa: PLC0415 (the library takes half a second and 22 MB: who never asks it does not load it)

    return StripeProvider(key=settings.STRIPE_SECRET_KEY, base=settings.STRIPE_API_BASE, secrets=settings.STRIPE_WEBHOOK_SECRETS)


def register() -> None:
    """Name it among the providers."""
    registry.register(CODE, configured)
