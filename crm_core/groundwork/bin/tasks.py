"""Jobs of the bin, registered at start-up."""

from . import services  # noqa: F401
