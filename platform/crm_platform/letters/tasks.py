"""Jobs of letters, registered at start-up."""

from . import post  # noqa: F401
