"""Jobs of reminders and of what is told of documents, registered at start-up."""

from . import papers, walking  # noqa: F401
