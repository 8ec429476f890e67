"""Errands of a view: what asks somebody outside, or opens units of its own, is not done within the request's transaction.

The view is left, the errand is run with no transaction open, and the request is served anew with what it came to. So views
stay straight: `seen = errand(request, lambda: preview(place, target))`. Nothing before an errand may write, for it is taken back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from django.http import HttpRequest

from .following import begin_anew

T = TypeVar("T")
# More in one request is a mistake of ours.
MOST = 8


@dataclass(frozen=True, slots=True)
class _Outcome:
    result: Any = None
    error: Exception | None = None


class Errand(Exception):
    """Leaves the view; the outermost middleware runs it."""

    def __init__(self, do: Callable[[], Any]) -> None:
        self.do = do
        super().__init__()

    def run(self, request: HttpRequest) -> None:
        """Do it, with no transaction open, and make the request as new. What it raises is raised in the view."""
        done: list[_Outcome] = getattr(request, "errands_done", [])
        if len(done) >= MOST:
            raise RuntimeError("a request with too many errands")
        try:
            outcome = _Outcome(self.do())
        except Exception as error:  # broad: raised again where the view asks
            outcome = _Outcome(error=error)
        once_key = getattr(request, "once_key", "")
        begin_anew(request)
        request.once_key, request.errand, request.errands_done, request.errand_at = once_key, None, [*done, outcome], 0  # type: ignore[attr-defined]


def errand(request: HttpRequest, do: Callable[[], T]) -> T:
    """What `do` comes to, run with no transaction open. Raises what it raises. A view asks for its errands in the same order each time."""
    done: list[_Outcome] = getattr(request, "errands_done", [])
    at: int = getattr(request, "errand_at", 0)
    request.errand_at = at + 1  # type: ignore[attr-defined]
    if at >= len(done):
        raise Errand(do)
    if done[at].error is not None:
        raise done[at].error from None  # type: ignore[misc]
    result: T = done[at].result
    return result
