"""Jobs of the providers, registered at start-up."""

from . import events, reconciling, sweeping, syncing  # noqa: F401
