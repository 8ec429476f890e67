"""The portal: cards, invoices, cancelling; and the PDF of an invoice."""

from __future__ import annotations

from typing import Any

from billing.standin import cards, changing, papers, subscribed
from billing.standin.door import Call, Reply
from billing.standin.errors import ApiError, missing
from billing.standin.pricing import money
from billing.standin.resources import methods
from billing.standin.shapes import Obj
from billing.standin.world import World

from . import look
from .buying import CARDS_SHOWN, day
from .look import esc


def portal(pages: Any, _call: Call, form: dict[str, str], session_id: str) -> Reply:
    """What a customer may do alone."""
    world = pages.world
    row = world.store.get("billing_portal.session", session_id)
    customer = world.store.get("customer", row["customer"])
    back = f'<p><a class="button" href="{esc(row["return_url"])}">Back to the shop</a></p>' if row["return_url"] else ""
    parts = [look.said(form.get("error", ""), kind="bad"), look.said(form.get("said", ""), kind="good"), *_subscriptions(world, customer), _cards(world, customer), _invoices(world, customer), back]
    return look.page(f"{customer['name'] or customer['email'] or 'Your account'}", "".join(parts))


def _subscriptions(world: World, customer: Obj) -> list[str]:
    found = []
    for row in world.store.all("subscription", customer=customer["id"])[::-1]:
        if row["status"] in subscribed.ENDED:
            continue
        what = ", ".join(f"{one['quantity']} × {world.store.rows[one['price']['id']]['_name']}" for one in row["items"]["data"])
        until = day(subscribed.span_of(row).end)
        ends = f"Ends on {day(row['cancel_at'])}" if row["cancel_at"] else f"Renews on {until}"
        act = look.button("Keep it", name="do", value="keep") if row["cancel_at"] else look.button("Cancel at the period's end", name="do", value="cancel")
        found.append(f'<form method="post" class="card"><h2>{esc(what)}</h2><p>{esc(row["status"].replace("_", " "))} · {esc(ends)}</p><input type="hidden" name="subscription" value="{row["id"]}">{act}</form>')
    return found or ['<p class="card quiet">No subscription.</p>']


def _cards(world: World, customer: Obj) -> str:
    own = next((row["default_payment_method"] for row in world.store.all("subscription", customer=customer["id"])[::-1] if row["status"] not in subscribed.ENDED), None)
    held = world.store.rows.get(own or customer["invoice_settings"]["default_payment_method"] or "")
    now = f"<p>Pays with {esc(held['type'].replace('_', ' '))} •••• {esc(held[held['type']]['last4'])}</p>" if held else '<p class="quiet">No card is kept.</p>'
    return f'<form method="post" class="card"><h2>How you pay</h2>{now}{look.choices("card", "Another card", CARDS_SHOWN[:7], chosen="pm_card_visa")}{look.button("Keep this card", name="do", value="card", main=True)}</form>'


def _invoices(world: World, customer: Obj) -> str:
    rows = [[f'<a href="/i/{row["id"]}">{esc(row["number"])}</a>', esc(row["status"]), money(row["amount_due"], row["currency"])] for row in world.store.all("invoice", customer=customer["id"])[::-1] if row["number"]]
    return f'<section class="card"><h2>Invoices</h2>{look.table(["Number", "State", "Amount"], rows, numbers=[2])}</section>'


def act(pages: Any, _call: Call, form: dict[str, str], session_id: str) -> Reply:
    """A button of the portal."""
    world = pages.world
    row = world.store.get("billing_portal.session", session_id)
    customer = world.store.get("customer", row["customer"])
    try:
        with world.store.lock, world.store.unit():
            said = _keep_card(world, customer, form) if form.get("do") == "card" else _change(world, customer, form)
    except ApiError as error:
        return look.redirect(f"/p/{session_id}?error={error.message}")
    return look.redirect(f"/p/{session_id}?said={said}")


def _change(world: World, customer: Obj, form: dict[str, str]) -> str:
    row = world.store.get("subscription", form.get("subscription", ""))
    if row["customer"] != customer["id"]:
        raise missing("subscription", row["id"])
    ends = form.get("do") == "cancel"
    changing.update(world, {"cancel_at_period_end": ends}, row["id"])
    return "It ends with the period." if ends else "It goes on."


def _keep_card(world: World, customer: Obj, form: dict[str, str]) -> str:
    fixture = form.get("card", "")
    if fixture not in cards.CARDS:
        raise ApiError("Choose a card.")
    row = methods.attach(world, {"customer": customer["id"]}, fixture)
    # The page itself asked whatever the bank wanted to know.
    row["_set_up"] = True
    with world.changing(customer["id"], "customer.updated") as kept:
        kept["invoice_settings"] = kept["invoice_settings"] | {"default_payment_method": row["id"]}
    for subscription in world.store.all("subscription", customer=customer["id"]):
        if subscription["default_payment_method"]:
            with world.changing(subscription["id"], subscribed.UPDATED) as other:
                other["default_payment_method"] = row["id"]
    return "The card is kept."


def pdf(pages: Any, _call: Call, _form: dict[str, str], invoice_id: str) -> Reply:
    """The invoice as a file."""
    row = pages.world.store.get("invoice", invoice_id)
    if not row["number"]:
        raise missing("invoice", invoice_id)
    return Reply(200, papers.invoice(row), {"Content-Type": "application/pdf", "Content-Disposition": f'inline; filename="{row["number"]}.pdf"', "X-Content-Type-Options": "nosniff"})
