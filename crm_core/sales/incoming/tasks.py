"""Jobs of incoming leads, registered at start-up."""

from . import calls, mail, probing, reading_job, rerouting  # noqa: F401
