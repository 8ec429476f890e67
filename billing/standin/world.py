"""The world of the service: what it keeps, what time it is there, what goes wrong on purpose, and what it announces."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import stripe

from .faults import Faults
from .shapes import Obj, skeleton
from .store import HIDDEN, Store, copied, new_id

SETTINGS = "_settings"
# How a dunning of unpaid renewals ends: the subscription stays past due, is cancelled, or becomes unpaid.
AFTER_RETRIES = ("leave", "cancel", "unpaid")
_FIRST: Obj = {"id": SETTINGS, "object": SETTINGS, "offset": 0, "stopped_at": None, "after_retries": "unpaid", "numbers": {}}


@dataclass(frozen=True)
class Place:
    """Where the service stands and whom it tells."""

    public: str = "http://payments.localhost:8000"
    secret_key: str = "sk_test_standin"  # noqa: S105 (a stand-in's)
    webhook_url: str = ""
    webhook_secret: str = "whsec_standin"  # noqa: S105 (a stand-in's)


@dataclass
class Request:
    """The request in whose course something happens; events name it."""

    id: str | None = None
    key: str | None = None


@dataclass
class World:
    """One service."""

    store: Store
    place: Place = field(default_factory=Place)
    faults: Faults = field(default_factory=Faults)
    wall: Callable[[], float] = time.time
    request: Request = field(default_factory=Request)
    # Called with each new event, in the unit that makes it.
    told: Callable[[Obj], None] = lambda event: None
    # How events show an object, a copy all the way down; the service puts in what also shows prices as they are now.
    show: Callable[[Obj], Obj] = field(default=lambda row: copied(shown(row)))
    _moment: int | None = None

    # Settings.

    def settings(self) -> Obj:
        """What is kept about the service itself."""
        return self.store.rows.get(SETTINGS) or _FIRST

    def set(self, **values: object) -> None:
        """Change what is kept about the service itself."""
        if SETTINGS not in self.store.rows:
            self.store.add(copy.deepcopy(_FIRST))
        self.store.edit(SETTINGS).update(values)

    def number(self, name: str) -> int:
        """The next number of a sequence."""
        numbers = dict(self.settings()["numbers"])
        numbers[name] = numbers.get(name, 0) + 1
        self.set(numbers=numbers)
        return int(numbers[name])

    # Time.

    def today(self) -> int:
        """The moment by the service's own clock."""
        kept = self.settings()
        if kept["stopped_at"] is not None:
            return int(kept["stopped_at"])
        return int(self.wall() + kept["offset"])

    def now(self) -> int:
        """The moment at which what is under way happens."""
        return self.today() if self._moment is None else self._moment

    @contextmanager
    def at(self, moment: int | None) -> Iterator[None]:
        """What happens inside happens at that moment; None leaves it at the service's own."""
        before = self._moment
        self._moment = before if moment is None else moment
        try:
            yield
        finally:
            self._moment = before

    # Objects.

    def new(self, kind: str, prefix: str, **values: object) -> Obj:
        """A complete object of a kind with these values, not yet added."""
        row = skeleton(kind) | {"id": new_id(prefix)}
        if "created" in row:
            row["created"] = self.now()
        return row | values

    def add(self, row: Obj, *, event: str = "") -> Obj:
        """Add an object and announce it."""
        self.store.add(row)
        if event:
            self.announce(event, row)
        return row

    @contextmanager
    def changing(self, row_id: str, event: str = "") -> Iterator[Obj]:
        """An object to be changed; where it is another afterwards, the event says from what."""
        row = self.store.edit(row_id)
        before = self.show(row)
        yield row
        after = self.show(row)
        previous = {name: value for name, value in before.items() if after.get(name) != value}
        previous |= dict.fromkeys(after.keys() - before.keys())
        if event and previous:
            self.announce(event, row, previous=previous)

    def announce(self, kind: str, row: Obj, *, previous: Obj | None = None) -> Obj:
        """Write an event about an object as it is now; it is delivered after the unit."""
        data: Obj = {"object": self.show(row)}
        if previous is not None:
            data["previous_attributes"] = previous
        request = {"id": self.request.id, "idempotency_key": self.request.key}
        event = self.new("event", "evt", type=kind, api_version=stripe.api_version, data=data, livemode=False, request=request, pending_webhooks=0)
        event["account"] = event["context"] = None
        self.store.add(event)
        self.told(event)
        return event


def shown(row: Obj) -> Obj:
    """An object without our own notes."""
    return {name: value for name, value in row.items() if not name.startswith(HIDDEN)}
