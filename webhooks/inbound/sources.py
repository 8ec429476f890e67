"""Who may send: each source registers how it checks a delivery and what it does with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from crm_platform.kernel.errors import NotFound


@dataclass(frozen=True, slots=True)
class Source:
    """`check(headers, body)` raises a CrmError for a false signature; `identify` gives the sender's own id or "";

    `handle(headers, body)` does the work, in a job, at least once: it must be idempotent. `largest`: bytes of a body; `forgets`: the body is dropped once it was handled.
    """

    name: str
    check: Callable[[Mapping[str, str], bytes], None]
    identify: Callable[[Mapping[str, str], bytes], str]
    handle: Callable[[Mapping[str, str], bytes], None]
    largest: int = 5 * 1024 * 1024
    forgets: bool = False


_sources: dict[str, Source] = {}


def register(source: Source) -> None:
    """Open the door to a source."""
    _sources[source.name] = source


def find(name: str) -> Source:
    """The source of that name; raises NotFound."""
    if name not in _sources:
        raise NotFound
    return _sources[name]
