"""Jobs of incoming leads, registered at start-up."""

from . import calls, reading_job, rerouting  # noqa: F401
