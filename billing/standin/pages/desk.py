"""The first page, and the desk: the clock and what goes wrong, for whoever shows or tries the shop."""

from __future__ import annotations

from typing import Any

from billing.standin import scenarios
from billing.standin.door import Call, Reply
from billing.standin.pricing import money
from billing.standin.shapes import Obj
from billing.standin.world import World

from . import look
from .buying import day
from .look import esc


def index(pages: Any, _call: Call, _form: dict[str, str], _name: str) -> Reply:
    """All there is."""
    world = pages.world
    with world.store.lock:
        parts = [
            f'<p class="buttons"><a class="button" href="/control">Clock and faults</a><span class="quiet">Here it is {day(world.today())}</span></p>',
            f'<section class="card"><h2>Subscriptions</h2>{_subscriptions(world)}</section>', f'<section class="card"><h2>Invoices</h2>{_invoices(world)}</section>',
            f'<section class="card"><h2>Open checkouts</h2>{_sessions(world)}</section>', f'<section class="card"><h2>Events</h2>{_events(world)}</section>',
        ]  # fmt: skip
    return look.page("Payment service", "".join(parts), wide=True)


def _last(world: World, kind: str, count: int) -> list[Obj]:
    return world.store.all(kind)[::-1][:count]


def _buyer(world: World, customer: str | None) -> str:
    row = world.store.rows.get(customer or "")
    return esc((row["name"] or row["email"] or row["id"]) if row else "")


def _subscriptions(world: World) -> str:
    rows = [
        [_buyer(world, row["customer"]), esc(row["status"]), esc(", ".join(f"{one['quantity']} × {world.store.rows[one['price']['id']]['_name']}" for one in row["items"]["data"])), day(row["items"]["data"][0]["current_period_end"])]
        for row in _last(world, "subscription", 20)
    ]  # fmt: skip
    return look.table(["Customer", "State", "What", "Period until"], rows)


def _invoices(world: World) -> str:
    rows = [
        [f'<a href="/i/{row["id"]}">{esc(row["number"])}</a>' if row["number"] else "draft", _buyer(world, row["customer"]), esc(row["status"]), money(row["amount_due"], row["currency"]), day(row["created"])]
        for row in _last(world, "invoice", 20)
    ]  # fmt: skip
    return look.table(["Number", "Customer", "State", "Amount", "Of"], rows, numbers=[3])


def _sessions(world: World) -> str:
    rows = [[f'<a href="/c/{row["id"]}">{esc(row["mode"])}</a>', _buyer(world, row["customer"]), money(row["amount_total"], row["currency"]) if row["amount_total"] is not None else "", day(row["expires_at"])] for row in _last(world, "checkout.session", 50) if row["status"] == "open"]
    return look.table(["What", "Customer", "Amount", "Until"], rows[:10], numbers=[2])


def _events(world: World) -> str:
    rows = [[esc(row["type"]), f"<code>{esc(row['data']['object'].get('id', ''))}</code>", "told" if not row["pending_webhooks"] else "waits", day(row["created"])] for row in _last(world, "event", 20)]
    return look.table(["What", "Of", "Told", "When"], rows)


# The desk.

_FAULTS: list[tuple[str, str, str, Obj]] = [
    ("decline", "The next payment is declined", "payments", {"decline": "generic_decline"}),
    ("funds", "The next payment: insufficient funds", "payments", {"decline": "insufficient_funds"}),
    ("3ds", "The bank asks at the next payment", "payments", {"3ds": True}),
    ("pending", "The next payment takes days", "payments", {"pending": True}),
    ("drop", "The next event is lost", "webhooks", {"kind": "drop"}),
    ("duplicate", "The next event comes twice", "webhooks", {"kind": "duplicate"}),
    ("delay", "The next event comes 30 seconds late", "webhooks", {"kind": "delay", "seconds": 30}),
    ("reorder", "The next 3 events come in reverse", "webhooks", {"kind": "reorder", "count": 3}),
    ("sign", "The next event is signed wrongly", "webhooks", {"kind": "sign", "secret": "wrong"}),
    ("500", "The next call fails, nothing done", "calls", {"path": "/v1/", "status": 500}),
    ("500after", "The next call fails after it was done", "calls", {"path": "/v1/", "method": "POST", "status": 500, "when": "after"}),
    ("429", "The next call is told to slow down", "calls", {"path": "/v1/", "status": 429}),
    ("timeout", "The next call is never answered", "calls", {"path": "/v1/", "timeout": True, "when": "after"}),
]
_STEPS = [("3600", "An hour"), ("86400", "A day"), ("604800", "A week"), ("2592000", "30 days")]


def control(pages: Any, _call: Call, form: dict[str, str], _name: str) -> Reply:
    """The clock, what goes wrong, and customers to try with."""
    state = pages.control.state()
    clock, faults = state["clock"], state["faults"]
    steps = "".join(look.button(text, name="advance", value=value) for value, text in _STEPS)
    waiting = [f"{one['kind']} × {one['count']}" for one in (*faults["payments"], *faults["deliveries"])] + [f"{one['status']} × {one['count']}" for one in faults["calls"]]
    frozen = "Let events go again" if faults["frozen"] else "Hold all events back"
    options = "".join(f'<option value="{name}">{esc(text)}</option>' for name, text, _verb, _body in _FAULTS)
    retries = "".join(f'<option value="{name}"{" selected" if name == state["settings"]["after_retries"] else ""}>{text}</option>' for name, text in (("leave", "stays past due"), ("cancel", "is cancelled"), ("unpaid", "becomes unpaid")))
    cards = [
        f'<section class="card"><h2>Clock</h2><p>{day(clock["now"])}{"" if clock["real"] else " (moved)"}<br><span class="quiet">Next due: {day(clock["next_at"]) or "nothing"}</span></p><form method="post" action="/control/clock"><p class="name">Move on by</p><div class="buttons">{steps}</div></form></section>',
        f'<section class="card"><h2>What goes wrong</h2><form method="post" action="/control/fault"><div class="row"><div class="long"><label class="name" for="fault">Next</label><select id="fault" name="fault">{options}</select></div>{look.button("Set", main=True)}</div></form><p>{esc(", ".join(waiting) or "Nothing is set to go wrong.")}</p><form method="post" action="/control/clear">{look.button("Nothing goes wrong any more")}</form></section>',
        f'<section class="card"><h2>Events</h2><p>{state["deliveries"]["waiting"]} wait to be told.</p><div class="buttons"><form method="post" action="/control/freeze">{look.button(frozen)}</form><form method="post" action="/control/deliver">{look.button("Send all now")}</form></div></section>',
        f'<section class="card"><h2>After the last retry</h2><form method="post" action="/control/settings"><div class="row"><div><label class="name" for="after">A subscription</label><select id="after" name="after_retries">{retries}</select></div>{look.button("Set")}</div></form></section>',
        f'<section class="card"><h2>Customers to try with</h2><form method="post" action="/control/scenario"><div class="buttons">{"".join(look.button(name.replace("_", " "), name="name", value=name) for name in scenarios.SCENARIOS)}</div></form></section>',
    ]  # fmt: skip
    body = f'{look.said(form.get("said", ""), kind="good")}<div class="cols">{"".join(cards)}</div><p><a href="/">All there is</a></p>'
    return look.page("Clock and faults", body, wide=True)


def act(pages: Any, _call: Call, form: dict[str, str], name: str) -> Reply:
    """A button of the desk."""
    if name == "fault":
        found = [(verb, body) for key, _text, verb, body in _FAULTS if key == form.get("fault")]
        for verb, body in found:
            pages.control.do(verb, dict(body))
    elif name == "clock":
        pages.control.do("clock", {"advance": int(form["advance"])} if form.get("advance") in dict(_STEPS) else {})
    elif name == "freeze":
        pages.control.do("freeze", {"frozen": not pages.world.faults.frozen})
    else:
        pages.control.do(name, dict(form))
    return look.redirect("/control")
