"""The control: the clock, what goes wrong, what somebody does "in the dashboard", and the state of it all. For tests and demonstrations."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from . import dashboard, scenarios
from .delivering import Deliveries
from .door import Call, Reply, as_json
from .errors import ApiError, invalid
from .faults import CallFault, DeliveryFault, PaymentFault
from .shapes import Obj
from .timeline import Timeline
from .world import AFTER_RETRIES, World, shown

_SECRETS = {"wrong": "whsec_wrong", "old": "whsec_old"}
_TYPES = {"int": int, "str": str, "bool": bool, "float": (int, float), "list[str]": list}


class Control:
    """Answers /_ctl; each verb takes the body as it is."""

    def __init__(self, world: World, timeline: Timeline, deliveries: Deliveries) -> None:
        self.world, self.timeline, self.deliveries = world, timeline, deliveries
        self.verbs: dict[str, Callable[[Obj], Any]] = {
            "clock": self.clock, "payments": self.payments, "calls": self.calls, "webhooks": self.webhooks, "freeze": self.freeze, "deliver": self.deliver,
            "settings": self.settings, "refunds": self.refunds, "tax_ids": self.tax_ids, "clear": self.clear, "reset": self.reset, "scenario": self.scenario,
            **{name: self._in_dashboard(verb) for name, verb in dashboard.VERBS.items()},
        }  # fmt: skip

    def answer(self, call: Call) -> Reply:
        """GET state or clock; POST anything else."""
        name = call.path.removeprefix("/_ctl/").strip("/")
        if call.method == "GET":
            return as_json(200, self.state() if name == "state" else self.clock({}) if name == "clock" else self._unknown())
        return as_json(200, self.do(name, _body(call)))

    def _unknown(self) -> Obj:
        raise ApiError(f"The control knows: state, {', '.join(self.verbs)}.", status=404)

    def do(self, name: str, asked: Obj) -> Any:
        """One verb by its name."""
        verb = self.verbs.get(name)
        return verb(asked) if verb else self._unknown()

    def _in_dashboard(self, verb: Callable[[World, Obj], Any]) -> Callable[[Obj], Any]:
        def done(asked: Obj) -> Any:
            with self.world.store.lock, self.world.store.unit():
                return shown(verb(self.world, asked))

        return done

    # The clock.

    def clock(self, asked: Obj) -> Obj:
        """The clock as it is, or moved: {"now": unix}, {"advance": seconds}, {"real": true}; {"stop": true} lets it stand."""
        if "advance" in asked:
            self.advance_to(self.world.today() + _whole(asked, "advance"))
        elif "now" in asked:
            self.advance_to(_whole(asked, "now"))
        elif asked.get("real"):
            with self.world.store.unit():
                self.world.set(offset=0, stopped_at=None)
        if asked.get("stop"):
            self.stop_clock(self.world.today())
        kept = self.world.settings()
        return {"now": self.world.today(), "real": kept["offset"] == 0 and kept["stopped_at"] is None, "stopped": kept["stopped_at"] is not None, "next_at": self.timeline.next_at()}

    def advance_to(self, moment: int) -> int:
        """Let everything happen until a moment, and let it be then. Raises ApiError for a moment that is past."""
        with self.world.store.lock:
            if moment < self.world.today():
                raise invalid("The clock moves forward; {\"real\": true} lets it follow the real one again.", param="now")
            self.timeline.run(moment)
            self.timeline.tidy()
            with self.world.store.unit():
                if self.world.settings()["stopped_at"] is not None:
                    self.world.set(stopped_at=moment)
                else:
                    self.world.set(offset=moment - int(self.world.wall()))
            return self.world.today()

    def stop_clock(self, moment: int) -> None:
        """Let the clock stand at a moment."""
        with self.world.store.unit():
            self.world.set(stopped_at=moment)

    # What goes wrong.

    def payments(self, asked: Obj) -> Obj:
        """The next payments: {"decline": code}, {"3ds": true}, {"pending": true} or {"finalisation": true}, with "count" and "customer"."""
        kind = next((name for name in ("decline", "3ds", "pending", "finalisation") if asked.get(name)), None)
        if kind is None:
            raise invalid("Say what becomes of the next payments: decline, 3ds, pending or finalisation.")
        code = asked["decline"] if isinstance(asked.get("decline"), str) else "generic_decline"
        self.world.faults.payments.append(PaymentFault(kind, int(asked.get("count", 1)), code, str(asked.get("customer", ""))))
        return self._faults()

    def calls(self, asked: Obj) -> Obj:
        """The next calls of a path: {"path": pattern, "status": 500 | 429 or "timeout": true, "when": "before" | "after", "count", "method", "seconds"}."""
        self.world.faults.calls.append(_made(CallFault, asked))
        return self._faults()

    def webhooks(self, asked: Obj) -> Obj:
        """The next deliveries: {"kind": drop | duplicate | delay | reorder | sign, "count", "types", "seconds", "times", "secret": wrong | old, "age"}."""
        made = _made(DeliveryFault, asked)
        if made.kind not in ("drop", "duplicate", "delay", "reorder", "sign"):
            raise invalid("A delivery is dropped, doubled, delayed, reordered or signed wrongly: drop, duplicate, delay, reorder, sign.", param="kind")
        made.secret = _SECRETS.get(made.secret, made.secret)
        self.world.faults.deliveries.append(made)
        return self._faults()

    def freeze(self, asked: Obj) -> Obj:
        """Hold all deliveries back, or let them go again."""
        self.world.faults.frozen = bool(asked.get("frozen", True))
        return self._faults()

    def deliver(self, asked: Obj) -> Obj:
        """Send now what waits; {"everything": true} also what was dropped, waits for a later try, or is frozen."""
        return {"sent": self.deliveries.deliver(everything=bool(asked.get("everything", True))), "waiting": self.deliveries.waiting()}

    def refunds(self, asked: Obj) -> Obj:
        """How refunds end from now on: {"status": succeeded | failed | pending | ""}."""
        self.world.faults.refunds = str(asked.get("status", ""))
        return self._faults()

    def tax_ids(self, asked: Obj) -> Obj:
        """What the registry will say about a number: {"value", "status": verified | unverified | pending | unavailable}."""
        self.world.faults.tax_ids[str(asked["value"])] = str(asked["status"])
        return self._faults()

    def settings(self, asked: Obj) -> Obj:
        """How unpaid renewals end: {"after_retries": leave | cancel | unpaid}."""
        if asked.get("after_retries") not in AFTER_RETRIES:
            raise invalid(f"After the retries a subscription may be: {', '.join(AFTER_RETRIES)}.", param="after_retries")
        with self.world.store.unit():
            self.world.set(after_retries=asked["after_retries"])
        return shown(self.world.settings())

    def clear(self, _asked: Obj) -> Obj:
        """Nothing goes wrong any more."""
        self.world.faults.clear()
        return self._faults()

    def reset(self, _asked: Obj) -> Obj:
        """Forget everything; the clock is the real one again."""
        with self.world.store.lock:
            self.world.faults.clear()
            self.world.store.clear()
            self.deliveries.forget_all()
        return self.state()

    def scenario(self, asked: Obj) -> Obj:
        """Make a customer in a certain state: {"name": …}."""
        made = scenarios.SCENARIOS.get(str(asked.get("name")))
        if made is None:
            raise invalid(f"The scenarios are: {', '.join(scenarios.SCENARIOS)}.", param="name")
        with self.world.store.lock, self.world.store.unit():
            return made(self.world)

    # What there is.

    def _faults(self) -> Obj:
        faults = self.world.faults
        return {
            "calls": [asdict(one) for one in faults.calls if one.count > 0], "deliveries": [asdict(one) for one in faults.deliveries if one.count > 0],
            "payments": [asdict(one) for one in faults.payments if one.count > 0], "frozen": faults.frozen, "refunds": faults.refunds, "tax_ids": dict(faults.tax_ids),
        }  # fmt: skip

    def state(self) -> Obj:
        """All there is, for machines."""
        with self.world.store.lock:
            kinds = {kind: len(ids) for kind, ids in self.world.store.kinds.items() if not kind.startswith("_") and ids}
            statuses = {row["id"]: row["status"] for row in self.world.store.all("subscription")}
            log = [asdict(one) for one in self.deliveries.log[-50:]]
            return {
                "clock": self.clock({}), "settings": {"after_retries": self.world.settings()["after_retries"]}, "objects": kinds, "subscriptions": statuses,
                "faults": self._faults(), "deliveries": {"waiting": self.deliveries.waiting(), "last": log}, "errors": list(self.world.faults.errors), "livemode": False,
            }  # fmt: skip


def _body(call: Call) -> Obj:
    try:
        found = json.loads(call.body or b"{}")
    except ValueError:
        raise invalid("The control takes JSON.") from None
    if not isinstance(found, dict):
        raise invalid("The control takes a JSON object.")
    return found


def _whole(asked: Obj, name: str) -> int:
    value = asked[name]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e11:
        raise invalid(f"{name} is a whole number of seconds, not negative.", param=name)
    return int(value)


def _made(kind: type, asked: Obj) -> Any:
    known = kind.__annotations__
    for name, value in asked.items():
        if name not in known:
            raise invalid(f"Unknown: {name}; known are {', '.join(known)}.", param=name)
        if not isinstance(value, _TYPES[known[name]]):  # type: ignore[arg-type]  # types by their names
            raise invalid(f"{name} is a {known[name]}.", param=name)
    try:
        return kind(**asked)
    except TypeError as error:
        raise invalid(str(error)) from None
