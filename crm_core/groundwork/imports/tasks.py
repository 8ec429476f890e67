"""Jobs of imports, registered at start-up."""

from . import running, undoing  # noqa: F401
