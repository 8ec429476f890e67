"""Subscription schedules: phases of a subscription, the next of which begins by itself."""

from __future__ import annotations

from collections.abc import Callable

from billing.standin import changing, periods, starting, subscribed, timeline
from billing.standin.changing import Change
from billing.standin.errors import invalid
from billing.standin.shapes import Obj
from billing.standin.world import World

from . import discounts
from .listing import fits, merged, page

UPDATED = "subscription_schedule.updated"
_LIVE = ("not_started", "active")
Act = Callable[[World, str], object]


def create(world: World, asked: Obj) -> Obj:
    """A new schedule: of a subscription that runs, or of one that begins with it."""
    if "from_subscription" in asked:
        return _of_running(world, asked)
    if "phases" not in asked or "customer" not in asked:
        raise invalid("You must pass `customer` and `phases`, or `from_subscription`.", param="phases", code="parameter_missing")
    customer = world.store.get("customer", asked["customer"], param="customer")
    start = world.now() if asked.get("start_date", "now") == "now" else asked["start_date"]
    row = _row(world, customer, asked)
    row["phases"] = _phases(world, asked["phases"], start)
    world.add(row, event="subscription_schedule.created")
    if start <= world.now():
        begin(world, row["id"])
    return row


def _row(world: World, customer: Obj, asked: Obj) -> Obj:
    row = world.new(
        "subscription_schedule", "sub_sched", customer=customer["id"], livemode=False, status="not_started", metadata=merged({}, asked.get("metadata")),
        end_behavior=asked.get("end_behavior", "release"), phases=[], pause_schedules=[], current_phase=None, subscription=None, test_clock=customer["test_clock"],
        billing_mode={"type": "classic", "flexible": None, "updated_at": None},
    )  # fmt: skip
    row["default_settings"] |= {"billing_cycle_anchor": "automatic", "collection_method": (asked.get("default_settings") or {}).get("collection_method", "charge_automatically")}
    row["default_settings"]["invoice_settings"] |= {"account_tax_ids": None, "custom_fields": None, "days_until_due": None, "issuer": {"type": "self", "account": None}}
    return row


def _of_running(world: World, asked: Obj) -> Obj:
    if asked.keys() - {"from_subscription", "metadata", "end_behavior", "expand", "billing_mode"}:
        raise invalid("You cannot set other parameters when `from_subscription` is passed.", param="from_subscription")
    subscription = world.store.get("subscription", asked["from_subscription"], param="from_subscription")
    if subscription["schedule"] or subscription["status"] in subscribed.ENDED:
        raise invalid("You cannot migrate a subscription that is already attached to a schedule, or has ended.", param="from_subscription")
    row = _row(world, world.store.rows[subscription["customer"]], asked)
    span = subscribed.span_of(subscription)
    items = [{"price": made["price"]["id"], "quantity": made["quantity"], "tax_rates": [rate["id"] for rate in made["tax_rates"]]} for made in subscription["items"]["data"]]
    row["phases"] = _phases(world, [{"items": items, "end_date": span.end, "currency": subscription["currency"]}], span.start)
    row |= {"status": "active", "subscription": subscription["id"], "current_phase": {"start_date": span.start, "end_date": span.end}}
    world.store.edit(subscription["id"])["schedule"] = row["id"]
    return world.add(row, event="subscription_schedule.created")


def _phases(world: World, asked: list[Obj], start: int) -> list[Obj]:
    found = []
    for number, one in enumerate(asked):
        begin_ = one.get("start_date", start)
        begin_ = world.now() if begin_ == "now" else begin_
        if number and begin_ != start:
            raise invalid("Each phase begins where the one before it ends.", param=f"phases[{number}][start_date]")
        made = starting.make_items(world, one["items"], param=f"phases[{number}][items]")
        end = _end(world, one, made, begin_, number)
        phase = _phase(world, one, made) | {"start_date": begin_, "end_date": end}
        found.append(phase)
        start = end
    return found


def _end(world: World, one: Obj, made: list[Obj], start: int, number: int) -> int:
    if one.get("end_date") == "now":
        return world.now()
    if "end_date" in one:
        if one["end_date"] <= start:
            raise invalid("A phase ends after it begins.", param=f"phases[{number}][end_date]")
        return int(one["end_date"])
    interval, count = (one["duration"]["interval"], one["duration"].get("interval_count", 1)) if "duration" in one else tuple(subscribed.rhythm(made))
    return periods.added(start, interval=str(interval), count=int(str(count)))


def _phase(world: World, one: Obj, made: list[Obj]) -> Obj:
    trial_end = one.get("trial_end")
    items = [
        {"billing_thresholds": None, "discounts": [], "metadata": item["metadata"], "plan": item["price"]["id"], "price": item["price"]["id"], "quantity": item["quantity"], "tax_rates": item["tax_rates"]}
        for item in made
    ]  # fmt: skip
    named = ("application_fee_percent", "automatic_tax", "billing_cycle_anchor", "billing_thresholds", "collection_method", "default_payment_method", "description", "invoice_settings", "on_behalf_of", "transfer_data")
    return dict.fromkeys(named) | {
        "items": items, "add_invoice_items": [], "currency": one.get("currency") or made[0]["price"]["currency"], "discounts": _phase_discounts(one), "metadata": merged({}, one.get("metadata")),
        "proration_behavior": one.get("proration_behavior", "create_prorations"), "trial_end": trial_end, "trial": None, "_asked_discounts": one.get("discounts"),
        "billing_cycle_anchor": one.get("billing_cycle_anchor"), "default_tax_rates": discounts.rates(world, one.get("default_tax_rates"), param="default_tax_rates"),
        "collection_method": one.get("collection_method"), "description": one.get("description") or None,
    }  # fmt: skip


def _phase_discounts(one: Obj) -> list[Obj]:
    return [{name: given.get(name) for name in ("coupon", "discount", "promotion_code")} for given in one.get("discounts") or []]


def update(world: World, asked: Obj, schedule: str) -> Obj:
    """Other phases from here on; what changes in the present one changes now."""
    _live(world, schedule)
    with world.changing(schedule, UPDATED) as row:
        row["metadata"] = merged(row["metadata"], asked.get("metadata"))
        row["end_behavior"] = asked.get("end_behavior", row["end_behavior"])
        if "phases" in asked:
            start = row["current_phase"]["start_date"] if row["current_phase"] else row["phases"][0]["start_date"]
            row["phases"] = _phases(world, asked["phases"], start)
            _enter(world, row)
    if "phases" in asked and row["status"] == "active":
        _apply(world, row, _present(world, row), behaviour=asked.get("proration_behavior", "create_prorations"))
    return row


def _live(world: World, schedule: str) -> Obj:
    row = world.store.get("subscription_schedule", schedule)
    if row["status"] not in _LIVE:
        raise invalid(f"You cannot change a schedule with the status `{row['status']}`.")
    return row


def _present(world: World, row: Obj) -> Obj:
    found: Obj = next((phase for phase in row["phases"] if phase["start_date"] <= world.now() < phase["end_date"]), row["phases"][0])
    return found


def _enter(world: World, row: Obj) -> None:
    if row["status"] == "active":
        phase = _present(world, row)
        row["current_phase"] = {"start_date": phase["start_date"], "end_date": phase["end_date"]}


def begin(world: World, schedule: str) -> None:
    """The first phase begins, and with it the subscription."""
    row = world.store.edit(schedule)
    phase = row["phases"][0]
    asked = {"customer": row["customer"], "items": _as_asked(phase), "metadata": phase["metadata"], "currency": phase["currency"]}
    asked |= {"trial_end": phase["trial_end"]} if phase["trial_end"] else {}
    made = starting.begin(world, asked, payment="default_incomplete")
    made["schedule"] = schedule
    row |= {"status": "active", "subscription": made["id"], "current_phase": {"start_date": phase["start_date"], "end_date": phase["end_date"]}}


def _as_asked(phase: Obj) -> list[Obj]:
    return [{"price": item["price"], "quantity": item["quantity"]} | ({"tax_rates": [rate["id"] for rate in item["tax_rates"]]} if item["tax_rates"] else {}) for item in phase["items"]]


def turn(world: World, schedule: str) -> None:
    """A phase is over: the next one, or what was said about the end."""
    row = world.store.edit(schedule)
    following = [phase for phase in row["phases"] if phase["start_date"] >= row["current_phase"]["end_date"]]
    if following:
        with world.changing(schedule, UPDATED) as row:
            row["current_phase"] = {"start_date": following[0]["start_date"], "end_date": following[0]["end_date"]}
        _apply(world, row, following[0], behaviour=following[0]["proration_behavior"])
    elif row["end_behavior"] == "cancel":
        row |= {"status": "completed", "completed_at": world.now(), "current_phase": None}
        subscribed.end(world, row["subscription"], reason="cancellation_requested")
        world.announce("subscription_schedule.completed", row)
    else:
        let_go(world, row)


def _apply(world: World, row: Obj, phase: Obj, *, behaviour: str) -> None:
    subscription = world.store.rows[row["subscription"]]
    items = _items(world, subscription, phase)
    changed = [(made["id"], made["price"]["id"], made["quantity"]) for made in items] != [(made["id"], made["price"]["id"], made["quantity"]) for made in subscription["items"]["data"]]
    if phase["_asked_discounts"] is not None:
        changing.write_discounts(world, world.store.edit(subscription["id"]), phase["_asked_discounts"] or [])
    if changed:
        restart = phase["billing_cycle_anchor"] == "phase_start" and world.now() < subscribed.span_of(subscription).end
        changing.carry_out(world, subscription["id"], Change(items=items, at=world.now(), behaviour=behaviour, restart=restart))


def _items(world: World, subscription: Obj, phase: Obj) -> list[Obj]:
    """The phase's items, in the place of those that are: the same price first, then one after the other."""
    free = {made["price"]["id"]: made["id"] for made in subscription["items"]["data"]}
    wanted = [(one, free.pop(one["price"], None)) for one in _as_asked(phase)]
    left = list(free.values())
    asked = [one | ({"id": own} if own else {"id": left.pop(0)} if left else {}) for one, own in wanted]
    return changing.target(world, subscription, [*({"id": one, "deleted": True} for one in left), *asked])


def release(world: World, _asked: Obj, schedule: str) -> Obj:
    """Let the subscription go on as it is, without the schedule."""
    _live(world, schedule)
    return let_go(world, world.store.edit(schedule))


def let_go(world: World, row: Obj) -> Obj:
    """The schedule is over; the subscription is not."""
    row = world.store.edit(row["id"])
    row |= {"status": "released", "released_at": world.now(), "released_subscription": row["subscription"], "subscription": None, "current_phase": None}
    if row["released_subscription"]:
        world.store.edit(row["released_subscription"])["schedule"] = None
    world.announce("subscription_schedule.released", row)
    return row


def cancel(world: World, _asked: Obj, schedule: str) -> Obj:
    """End the schedule and its subscription now."""
    _live(world, schedule)
    row = world.store.edit(schedule)
    row |= {"status": "canceled", "canceled_at": world.now(), "current_phase": None}
    if row["subscription"] and world.store.rows[row["subscription"]]["status"] not in subscribed.ENDED:
        subscribed.end(world, row["subscription"], reason="cancellation_requested")
    world.announce("subscription_schedule.canceled", row)
    return row


def listing(world: World, asked: Obj) -> Obj:
    """Schedules, newest first."""
    rows = [row for row in world.store.all("subscription_schedule") if fits(row, {name: value for name, value in asked.items() if name in ("customer", "created", "canceled_at", "completed_at", "released_at")})]
    return page(world, rows, asked, url="/v1/subscription_schedules")


def _due(_world: World, row: Obj) -> list[tuple[int, int, Act]]:
    if row["status"] == "not_started":
        return [(row["phases"][0]["start_date"], -1, begin)]
    return [(row["current_phase"]["end_date"], -1, turn)] if row["status"] == "active" else []


timeline.also_due("subscription_schedule", _due)
