"""Jobs of moves, registered at start-up."""

from . import running, undoing  # noqa: F401
