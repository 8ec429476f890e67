"""Time goes on: everything that falls due happens at its own moment, in its order."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable

from . import invoicing, paying, renewing, subscribed
from .shapes import Obj
from .world import World

Act = Callable[[World, str], object]
# The service remembers events so long.
REMEMBERED = 30 * 86_400
_AT_ONCE = 100_000
# What was answered to a key is kept so long, by the real clock.
KEY, KEPT = "_key", 26 * 3600


def due(world: World, row: Obj) -> list[tuple[int, int, Act]]:
    """What is to happen to an object: when, in which order of the same second, and what."""
    found = _DUE.get(row["object"])
    return found(world, row) if found and not row.get("_gone") else []


def _invoice(world: World, row: Obj) -> list[tuple[int, int, Act]]:
    found: list[tuple[int, int, Act]] = []
    if row["status"] == "draft" and row["auto_advance"] and row["automatically_finalizes_at"]:
        found.append((row["automatically_finalizes_at"], 3, finalise_and_pay))
    if row["status"] == "open" and row["auto_advance"] and row["next_payment_attempt"]:
        found.append((row["next_payment_attempt"], 3, try_again))
    if row["status"] == "open" and row["due_date"] and not row.get("_overdue_told"):
        found.append((row["due_date"], 3, tell_overdue))
    return found


def finalise_and_pay(world: World, invoice: str) -> None:
    """A draft's hour is over."""
    row = invoicing.finalise(world, invoice)
    if row["status"] == "open" and row["collection_method"] == "charge_automatically":
        paying.pay(world, invoice, alone=True)


def try_again(world: World, invoice: str) -> None:
    """The next try of an unpaid renewal."""
    paying.pay(world, invoice, alone=True)


def tell_overdue(world: World, invoice: str) -> None:
    """An invoice that was sent is past its day: its subscription is past due."""
    row = world.store.edit(invoice)
    row |= {"_overdue_told": True, "attempted": True}
    world.announce("invoice.overdue", row)
    subscribed.after_failed(world, row)
    invoicing.mark_delinquent(world, row["customer"])


def _session(world: World, row: Obj) -> list[tuple[int, int, Act]]:
    return [(row["expires_at"], 0, expire_session)] if row["status"] == "open" else []


def expire_session(world: World, session: str) -> None:
    """Nobody paid in time."""
    row = world.store.edit(session)
    row |= {"status": "expired", "url": None}
    world.announce("checkout.session.expired", row)


def _intent(world: World, row: Obj) -> list[tuple[int, int, Act]]:
    return [(row["_ends_at"], 3, paying.finish_debit)] if row["status"] == "processing" and row.get("_ends_at") else []


_DUE: dict[str, Callable[[World, Obj], list[tuple[int, int, Act]]]] = {
    "subscription": renewing.due, "invoice": _invoice, "checkout.session": _session, "payment_intent": _intent,
}  # fmt: skip


def also_due(kind: str, found: Callable[[World, Obj], list[tuple[int, int, Act]]]) -> None:
    """Another kind of object that time moves."""
    _DUE[kind] = found


class Timeline:
    """What falls due next, by clock: the service's own, and each test clock's."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._waiting: dict[str | None, list[tuple[int, int, int, str]]] = defaultdict(list)
        world.store.saved = self.note
        for row in list(world.store.rows.values()):
            self.note(row)

    def note(self, row: Obj) -> None:
        """An object has changed: remember when it is next due."""
        found = due(self.world, row)
        if found:
            moment, rank = min((moment, rank) for moment, rank, _act in found)
            heapq.heappush(self._waiting[self._clock(row)], (moment, rank, row["_seq"], row["id"]))

    def _clock(self, row: Obj) -> str | None:
        customer = self.world.store.rows.get(row.get("customer") or "")
        return customer.get("test_clock") if customer else None

    def next_at(self, clock: str | None = None) -> int | None:
        """When something is next due by a clock."""
        waiting = self._waiting[clock]
        return waiting[0][0] if waiting else None

    def run(self, until: int, *, clock: str | None = None) -> int:
        """Let everything happen that is due by then, each in a unit of its own; returns how much there was."""
        done = 0
        with self.world.store.lock:
            waiting = self._waiting[clock]
            while waiting and waiting[0][0] <= until and done < _AT_ONCE:
                moment, rank, _seq, row_id = heapq.heappop(waiting)
                done += self._happen(moment, rank, row_id)
        return done

    def _happen(self, moment: int, rank: int, row_id: str) -> int:
        row = self.world.store.rows.get(row_id)
        acts = [act for at, order, act in due(self.world, row) if (at, order) == (moment, rank)] if row else []
        if not acts:
            return 0
        with self.world.at(moment), self.world.store.unit():
            acts[0](self.world, row_id)
            # Whatever it did, the object is looked at again: it may be due at this very moment for something else.
            self.world.store.edit(row_id)
        return 1

    def tidy(self) -> None:
        """Forget events older than the service remembers, save those that are still to be told, and keys whose day is over."""
        oldest = self.world.today() - REMEMBERED
        untold = {row["event"] for row in self.world.store.all("_delivery", dropped=False)}
        gone = []
        for row_id in self.world.store.kinds["event"]:
            if self.world.store.rows[row_id]["created"] >= oldest:
                break
            if row_id not in untold:
                gone.append(row_id)
        gone += [row_id for row_id in self.world.store.kinds[KEY] if self.world.store.rows[row_id]["at"] < self.world.wall() - KEPT]
        if gone:
            self.world.store.forget(gone)
