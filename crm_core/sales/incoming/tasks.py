"""Jobs of incoming leads, registered at start-up."""

from . import reading_job, rerouting  # noqa: F401
