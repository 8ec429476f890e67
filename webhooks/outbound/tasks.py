"""Jobs of the outbound webhooks, registered at start-up."""

from . import codes, delivering, gathering  # noqa: F401
