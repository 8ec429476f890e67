"""Jobs of transfers, registered at start-up."""

from . import renewing  # noqa: F401
