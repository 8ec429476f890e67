"""Jobs of the providers, registered at start-up."""

from . import events, sweeping  # noqa: F401
