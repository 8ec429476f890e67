"""Events on their way: signed, posted, tried again; and all that may go wrong with that on purpose."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import stripe

from .faults import DeliveryFault
from .present import whole
from .shapes import Obj
from .store import new_id
from .world import World

# Real seconds after which a failed delivery is tried again.
BACKOFF = (1.0, 5.0, 30.0, 120.0, 600.0, 3600.0, 7200.0, 14400.0)
_TIMEOUT = 20.0
_AT_START = "_start"
_KIND = "_delivery"


@dataclass
class Attempt:
    """What an address answered."""

    event: str
    status: int
    seconds: float
    error: str = ""


@dataclass
class Deliveries:
    """What waits to be told, to whom, and since when."""

    world: World
    monotonic: Callable[[], float] = time.monotonic
    # Whether threads of its own are sending.
    working: bool = False
    log: list[Attempt] = field(default_factory=list)
    _due: dict[str, float] = field(default_factory=dict)
    _flying: set[str] = field(default_factory=set)
    _held: list[str] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def take_up(self) -> None:
        """Remember what was still waiting when the service stopped."""
        for row_id in list(self.world.store.kinds[_KIND]):
            self.note(self.world.store.rows[row_id])

    def endpoints(self) -> list[Obj]:
        """Whom to tell: the address given at the start, and those that were registered."""
        place = self.world.place
        first = {"id": _AT_START, "url": place.webhook_url, "enabled_events": ["*"], "_secret": place.webhook_secret, "api_version": stripe.api_version}
        return [*([first] if place.webhook_url else []), *self.world.store.all("webhook_endpoint", status="enabled")]

    def plan(self, event: Obj) -> None:
        """Write down, in the event's own unit, to whom it goes."""
        meant = [one for one in self.endpoints() if "*" in one["enabled_events"] or event["type"] in one["enabled_events"]]
        event["pending_webhooks"] = len(meant)
        for one in meant:
            self.world.store.add({"id": new_id("dlv"), "object": _KIND, "event": event["id"], "endpoint": one["id"], "attempts": 0, "dropped": False})

    def note(self, row: Obj) -> None:
        """A delivery was committed: it may go."""
        if row["object"] == _KIND and not row["dropped"]:
            with self._changed:
                self._due.setdefault(row["id"], self.monotonic())
                self._changed.notify_all()

    def forget_all(self) -> None:
        """Nothing waits any more."""
        with self._changed:
            self._due.clear()
            self._held.clear()
            self._flying.clear()

    # Sending.

    def work(self, stopped: threading.Event) -> None:
        """Send what is due, one after the other, until told to stop. Several threads may."""
        while not stopped.is_set():
            row_id = self._take()
            if row_id is None:
                with self._changed:
                    self._changed.wait(0.2)
            else:
                self._send(row_id)

    def _take(self, *, now: float | None = None) -> str | None:
        if self.world.faults.frozen:
            return None
        moment = self.monotonic() if now is None else now
        with self._changed:
            found = next((row_id for row_id, due in self._due.items() if due <= moment and row_id not in self._flying), None)
            if found:
                self._flying.add(found)
            return found

    def deliver(self, *, everything: bool = False) -> int:
        """Send what is due in the calling thread, in order; `everything` also what waits for a later try, was dropped, or is frozen. Returns how many."""
        if everything:
            self._bring_back()
        frozen, self.world.faults.frozen = self.world.faults.frozen, False if everything else self.world.faults.frozen
        done, until = 0, self.monotonic() + (1e9 if everything else 0)
        tried: set[str] = set()
        while (row_id := self._take(now=until)) is not None and row_id not in tried:
            tried.add(row_id)
            self._send(row_id)
            done += 1
        if row_id is not None:
            self._flying.discard(row_id)
        self.world.faults.frozen = frozen
        return done

    def _bring_back(self) -> None:
        with self.world.store.unit():
            for row in self.world.store.all(_KIND, dropped=True):
                self.world.store.edit(row["id"])["dropped"] = False
        for row_id in self._held:
            self._due[row_id] = self.monotonic()
        self._held.clear()

    def waiting(self) -> int:
        """How many deliveries are not done."""
        return len(self._due) + len(self._held)

    def wait_for(self, event_type: str, object_id: str, *, seconds: float = 10.0) -> None:
        """Wait until the newest event of a kind about an object was answered, or long enough."""
        until = self.monotonic() + seconds
        while self.working and self.monotonic() < until and not self.world.faults.frozen:
            if not self._unheard(event_type, object_id):
                return
            time.sleep(0.02)

    def _unheard(self, event_type: str, object_id: str) -> bool:
        """Whether somebody has not yet been asked once about the newest such event."""
        with self.world.store.lock:
            events = [row["id"] for row in self.world.store.all("event", type=event_type) if row["data"]["object"]["id"] == object_id]
            return any(row["attempts"] == 0 and not row["dropped"] for row in self.world.store.all(_KIND, event=events[-1])) if events else False

    def _send(self, row_id: str) -> None:
        row = self.world.store.rows.get(row_id)
        event = self.world.store.rows.get(row["event"]) if row else None
        if row is None or event is None:
            self._done(row_id)
            return
        fault = self.world.faults.of_delivery(event["type"]) if not row["attempts"] else None
        if fault is None or not self._astray(row_id, row, fault):
            self._post(row_id, row, event, fault)

    def _astray(self, row_id: str, row: Obj, fault: DeliveryFault) -> bool:
        """Whether a delivery does not go now: dropped, late, or held back until others have gone before it."""
        if fault.kind == "drop":
            with self.world.store.unit():
                self.world.store.edit(row_id)["dropped"] = True
            self._done(row_id, forget=False)
        elif fault.kind == "delay":
            self._later(row_id, fault.seconds)
        elif fault.kind == "reorder":
            self._done(row_id, forget=False)
            self._held.insert(0, row_id)
            if fault.count == 0:
                held, self._held[:] = list(self._held), []
                for one in held:
                    kept = self.world.store.rows[one]
                    self._post(one, kept, self.world.store.rows[kept["event"]], None)
        else:
            return False
        # What was late on purpose is not late again.
        if row_id in self.world.store.rows and fault.kind == "delay":
            with self.world.store.unit():
                self.world.store.edit(row_id)["attempts"] = 1
        return True

    def _post(self, row_id: str, row: Obj, event: Obj, fault: DeliveryFault | None) -> None:
        endpoint = next((one for one in self.endpoints() if one["id"] == row["endpoint"]), None)
        if endpoint is None:
            self._done(row_id)
            return
        body = json.dumps(self._body(event, endpoint)).encode()
        times = fault.times if fault and fault.kind == "duplicate" else 1
        found = [self._posted(event, endpoint, body, fault) for _ in range(times)]
        if 200 <= found[-1].status < 300:
            with self.world.store.unit():
                if event["id"] in self.world.store.rows:  # the service may have been emptied meanwhile
                    self.world.store.edit(event["id"])["pending_webhooks"] = max(0, event["pending_webhooks"] - 1)
            self._done(row_id)
        else:
            self._failed(row_id, row)

    def _body(self, event: Obj, endpoint: Obj) -> Obj:
        found: Obj = whole(self.world, event) | {"api_version": event.get("_api_version") or endpoint["api_version"]}
        return found

    def _posted(self, event: Obj, endpoint: Obj, body: bytes, fault: DeliveryFault | None) -> Attempt:
        secret = fault.secret if fault and fault.kind == "sign" and fault.secret else endpoint["_secret"]
        stamp = int(time.time()) - (fault.age if fault else 0)
        header = stripe.WebhookSignature.generate_signature_header(body.decode(), secret, stamp)
        started = time.monotonic()
        try:
            attempt = Attempt(event["id"], post(endpoint["url"], body, {"Stripe-Signature": header}), time.monotonic() - started)
        except (OSError, http.client.HTTPException) as error:
            attempt = Attempt(event["id"], 0, time.monotonic() - started, str(error))
        self.log.append(attempt)
        del self.log[:-500]
        return attempt

    def _failed(self, row_id: str, row: Obj) -> None:
        with self.world.store.unit():
            if row_id not in self.world.store.rows:
                self._done(row_id)
                return
            self.world.store.edit(row_id)["attempts"] += 1
        attempts = row["attempts"] - 1
        if attempts < len(BACKOFF):
            self._later(row_id, BACKOFF[attempts])
        else:
            with self.world.store.unit():
                self.world.store.edit(row_id)["dropped"] = True
            self._done(row_id, forget=False)

    def _later(self, row_id: str, seconds: float) -> None:
        with self._changed:
            self._due[row_id] = self.monotonic() + seconds
            self._flying.discard(row_id)

    def _done(self, row_id: str, *, forget: bool = True) -> None:
        with self._changed:
            self._due.pop(row_id, None)
            self._flying.discard(row_id)
        if forget and row_id in self.world.store.rows:
            with self.world.store.lock:
                self.world.store.forget([row_id])


def post(url: str, body: bytes, headers: dict[str, str]) -> int:
    """Post a body; returns the status. A redirection is an answer like any other."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=_TIMEOUT)
    try:
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        connection.request("POST", target, body, {"Content-Type": "application/json; charset=utf-8", "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)", **headers})
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()
