"""The service's door for programs: who asks, whether it was asked before, what it may ask, and the answer."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from urllib.parse import unquote

import stripe

from . import asking, forms
from .errors import ApiError, invalid
from .faults import CallFault
from .present import answer
from .resources import telling
from .routes import TABLE, Route
from .shapes import Obj
from .store import new_id
from .timeline import KEPT, KEY, Timeline
from .world import Request, World


@dataclass
class Call:
    """One request."""

    method: str
    path: str
    query: str = ""
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Reply:
    """One answer; `silent` closes the connection without any."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    silent: bool = False


def as_json(status: int, body: object, **headers: str) -> Reply:
    """An answer for programs."""
    return Reply(status, json.dumps(body, indent=2).encode(), {"Content-Type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}})


class Door:
    """Answers /v1."""

    def __init__(self, world: World, timeline: Timeline) -> None:
        self.world, self.timeline = world, timeline
        self.routes = [(route, route.pattern) for route in (*TABLE, Route("POST", "/v1/test_helpers/test_clocks/{}/advance", "test_helpers.test_clock_advance", self._advance, alone=True))]

    def _advance(self, world: World, asked: Obj, clock: str) -> Obj:
        return telling.advance_clock(world, self.timeline, asked, clock)

    def answer(self, call: Call) -> Reply:
        """The answer to a request, whatever it is; refusals in the service's shape."""
        request_id = new_id("req")
        fault = self.world.faults.of_call(call.method, call.path)
        try:
            if fault and fault.when == "before":
                return self._faulty(fault)
            self._check(call)
            reply = self._kept_or_done(call, request_id, fault)
        except ApiError as error:
            reply = as_json(error.status, error.body())
        if fault and fault.timeout:
            return self._faulty(fault)
        reply.headers |= {"Request-Id": request_id, "Stripe-Version": stripe.api_version}
        return reply

    def _faulty(self, fault: CallFault) -> Reply:
        time.sleep(fault.seconds)
        if fault.timeout:
            return Reply(0, b"", silent=True)
        if fault.status == 429:
            error = ApiError("Too many requests hit the API too quickly. We recommend an exponential backoff of your requests.", status=429, code="rate_limit")
            return as_json(429, error.body(), Retry_After="1")
        return as_json(fault.status, ApiError("Something went wrong on the payment service's end.", status=fault.status, kind="api_error").body())

    def _check(self, call: Call) -> None:
        scheme, _, given = call.headers.get("authorization", "").partition(" ")
        key = base64.b64decode(given + "==").decode(errors="replace").rstrip(":") if scheme == "Basic" else given
        if not key:
            raise ApiError("You did not provide an API key.", status=401)
        if key != self.world.place.secret_key:
            raise ApiError(f"Invalid API Key provided: {key[:7]}****{key[-4:] if len(key) > 12 else ''}", status=401)
        version = call.headers.get("stripe-version", stripe.api_version)
        if version != stripe.api_version:
            raise invalid(f"Invalid Stripe API version: {version}; this service speaks {stripe.api_version}.", param="Stripe-Version")

    # Once for a key.

    def _kept_or_done(self, call: Call, request_id: str, fault: CallFault | None) -> Reply:
        with self.world.store.lock:
            self.timeline.run(self.world.today())
            key = call.headers.get("idempotency-key") if call.method == "POST" else None
            if key is None:
                return self._after(self._done(call, request_id, None), fault)
            row_id, print_ = f"{KEY}:{key}", hashlib.sha256(f"{call.path}\n".encode() + call.body).hexdigest()
            kept = self.world.store.rows.get(row_id)
            if kept and kept["at"] > time.time() - KEPT:
                return self._again(kept, print_, key)
            reply = self._after(self._done(call, request_id, key), fault)
            if reply.status not in (400, 401, 404, 409, 429):
                self._keep(row_id, print_, reply)
            return reply

    def _after(self, reply: Reply, fault: CallFault | None) -> Reply:
        return self._faulty(fault) if fault and not fault.timeout else reply

    def _again(self, kept: Obj, print_: str, key: str) -> Reply:
        if kept["print"] != print_:
            message = f"Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '{key}' if you meant to execute a different request."
            raise ApiError(message, status=400, kind="idempotency_error")
        return Reply(kept["status"], kept["body"].encode(), {"Content-Type": "application/json", "Idempotent-Replayed": "true"})

    def _keep(self, row_id: str, print_: str, reply: Reply) -> None:
        with self.world.store.unit():
            values = {"print": print_, "status": reply.status, "body": reply.body.decode(), "at": time.time()}
            if row_id in self.world.store.rows:
                self.world.store.edit(row_id).update(values)
            else:
                self.world.store.add({"id": row_id, "object": KEY, **values})

    # Doing it.

    def _done(self, call: Call, request_id: str, key: str | None) -> Reply:
        route, ids = self._route(call)
        asked = asking.read(route.params, forms.decoded(call.query if call.method == "GET" else "&".join(filter(None, (call.query, call.body.decode(errors="replace"))))))
        expand = asked.pop("expand", [])
        self.world.request = Request(request_id, key)
        try:
            with self.world.at(self._moment(asked, ids)), nullcontext() if route.alone else self.world.store.unit():
                found = route.verb(self.world, asked, *ids)
                return as_json(200, answer(self.world, found, expand))
        except ApiError as error:
            return as_json(error.status, error.body())
        finally:
            self.world.request = Request()

    def _route(self, call: Call) -> tuple[Route, tuple[str, ...]]:
        for route, pattern in self.routes:
            matched = pattern.match(call.path) if route.method == call.method else None
            if matched:
                return route, tuple(map(unquote, matched.groups()))
        raise ApiError(f"Unrecognized request URL ({call.method}: {call.path}). Please see https://stripe.com/docs or we can help at https://support.stripe.com/.", status=404)

    def _moment(self, asked: Obj, ids: tuple[str, ...]) -> int | None:
        """The time of the test clock that the request's customer lives by; None where there is none."""
        rows = self.world.store.rows
        named = [rows.get(one) for one in (*ids, *(value for value in asked.values() if isinstance(value, str)))]
        for row in filter(None, named):
            customer = row if row["object"] == "customer" else rows.get(str(row.get("customer") or ""))
            if customer and customer.get("test_clock"):
                return int(rows[customer["test_clock"]]["frozen_time"])
            if "test_clock" in asked and row["object"] == "test_helpers.test_clock":
                return int(row["frozen_time"])
        return None
