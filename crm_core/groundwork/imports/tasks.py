"""Jobs of imports, registered at start-up."""

from . import looking, running, undoing  # noqa: F401
