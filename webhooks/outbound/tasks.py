"""Jobs of the outbound webhooks, registered at start-up."""

from . import delivering, gathering  # noqa: F401
