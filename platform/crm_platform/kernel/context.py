"""What logs and the audit may add by themselves: request id, workspace, actor. Never read for a decision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_bound: ContextVar[dict[str, str] | None] = ContextVar("log_context", default=None)


def bound() -> dict[str, str]:
    """A copy of what is bound now."""
    return dict(_bound.get() or {})


def request_id() -> str:
    """The id of the request or job being served, or an empty string."""
    return (_bound.get() or {}).get("request", "")


@contextmanager
def bind(**values: str) -> Iterator[None]:
    """Add values to every log line and event written in the block."""
    token = _bound.set({**(_bound.get() or {}), **values})
    try:
        yield
    finally:
        _bound.reset(token)
