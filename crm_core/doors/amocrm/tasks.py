"""Jobs of the open API, registered at start-up."""

from .wire import once  # noqa: F401
