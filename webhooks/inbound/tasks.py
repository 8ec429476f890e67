"""Jobs of the inbound door, registered at start-up."""

from . import services  # noqa: F401
