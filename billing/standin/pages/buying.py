"""Pages on which somebody pays: checkout, an invoice, and the bank's question."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from billing.standin import cards, invoicing, paying
from billing.standin.door import Call, Reply
from billing.standin.errors import ApiError, missing
from billing.standin.pricing import money
from billing.standin.resources import checkout, methods
from billing.standin.resources.money import confirm_intent
from billing.standin.shapes import Obj
from billing.standin.world import World

from . import look
from .look import esc

CARDS_SHOWN = [
    ("pm_card_visa", "A card that pays", "•••• 4242"),
    ("pm_card_threeDSecure2Required", "A card whose bank asks (3D Secure)", "•••• 3220"),
    ("pm_card_chargeDeclined", "Declined", "•••• 0002"),
    ("pm_card_chargeDeclinedInsufficientFunds", "Declined: insufficient funds", "•••• 9995"),
    ("pm_card_chargeDeclinedExpiredCard", "Declined: expired", "•••• 0069"),
    ("pm_card_chargeDeclinedLostCard", "Declined: lost", "•••• 9987"),
    ("pm_card_chargeCustomerFail", "Kept, but every payment is declined", "•••• 0341"),
    ("pm_sepaDebit", "Bank debit, confirmed days later", "•••• 3000"),
    ("pm_sepaDebit_failed", "Bank debit that fails days later", "•••• 3002"),
]


def day(moment: int | None) -> str:
    """A moment for people."""
    return f"{datetime.fromtimestamp(moment, UTC):%d %b %Y, %H:%M} UTC".replace(" ", "\u00a0") if moment else ""


# Checkout.


def session(pages: Any, _call: Call, form: dict[str, str], session_id: str) -> Reply:
    """What is bought, and how to pay; a session that is over says so."""
    row = pages.world.store.get("checkout.session", session_id)
    if row["status"] != "open":
        return look.page("Checkout", look.said(_over(row)) + _back(row))
    return _session(pages.world, row, error=form.get("error", ""))


def _over(row: Obj) -> str:
    return {"complete": "This was paid already. Nothing is charged a second time.", "expired": "This page has expired. Nothing was charged."}[row["status"]]


def _back(row: Obj) -> str:
    url = success_url(row) if row["status"] == "complete" else row["cancel_url"]
    return f'<p><a class="button" href="{esc(url)}">Back to the shop</a></p>' if url else ""


def success_url(row: Obj) -> str:
    """Where a buyer goes after paying."""
    return str(row["success_url"]).replace("{CHECKOUT_SESSION_ID}", row["id"])


def _session(world: World, row: Obj, *, error: str, chosen: str = "pm_card_visa", email: str = "") -> Reply:
    parts = [look.said(error, kind="bad"), _basket(row) if row["mode"] == "subscription" else '<p class="card">Keep a card for later. Nothing is charged now.</p>']
    if row["allow_promotion_codes"] and not row.get("_code"):
        parts.append(f'<form method="post" class="card"><div class="row">{look.field("Promotion code", "code", more="autocomplete=off required")}{look.button("Apply", name="do", value="code")}</div></form>')
    ask = "" if row["customer"] else f'<div class="row">{look.field("E-mail", "email", kind="email", value=email or row["customer_email"] or "", more="required")}</div>'
    offered = look.choices("card", "Pay with", CARDS_SHOWN if row["mode"] == "subscription" else CARDS_SHOWN[:7], chosen=chosen)
    word = "Keep the card" if row["mode"] == "setup" else "Subscribe"
    buttons = look.button(word, name="do", value="pay", main=True) + look.button(f"{word}, then close the window", name="do", value="vanish") + look.button(f"{word} twice", name="do", value="twice")
    parts.append(f'<form method="post" class="card">{ask}{offered}<div class="buttons">{buttons}</div></form>')
    leave = f'<a href="{esc(row["cancel_url"])}">Back without paying</a>' if row["cancel_url"] else '<span class="quiet">Close the window to leave without paying.</span>'
    parts.append(f'<p class="buttons side">{leave}<span class="quiet">Open until {day(row["expires_at"])}</span></p>')
    return look.page("Checkout", "".join(parts))


def _basket(row: Obj) -> str:
    rows = [[esc(one["description"]), money(one["amount_subtotal"], one["currency"])] for one in row["_lines"]["data"]]
    details = row["total_details"]
    sums = [("Discount", -details["amount_discount"]), ("Tax", details["amount_tax"])]
    rows += [[esc(name), money(amount, row["currency"])] for name, amount in sums if amount]
    rows.append(["<strong>Due today</strong>", f"<strong>{money(row['amount_total'], row['currency'])}</strong>"])
    return f'<div class="card">{look.table(["What", "Price"], rows, numbers=[1])}</div>'


def pay_session(pages: Any, _call: Call, form: dict[str, str], session_id: str) -> Reply:
    """Somebody presses a button of the checkout."""
    world, do = pages.world, form.get("do", "pay")
    row = world.store.get("checkout.session", session_id)
    if row["status"] != "open":
        return look.page("Checkout", look.said(_over(row)) + _back(row))
    try:
        with world.store.lock, world.at(_moment(world, row)):
            if do == "code":
                with world.store.unit():
                    checkout.use_code(world, session_id, form.get("code", ""))
                return look.redirect(f"/c/{session_id}")
            with world.store.unit():
                found = checkout.complete(world, session_id, fixture=_card(form), email=form.get("email"))
    except ApiError as error:
        return _session(world, row, error=error.message, chosen=form.get("card", ""), email=form.get("email", ""))
    return look.redirect(f"/3ds/{session_id}") if found.kind == "action" else _paid(pages, row, do)


def _moment(world: World, row: Obj) -> int | None:
    customer = world.store.rows.get(row["customer"] or "")
    clock = customer["test_clock"] if customer else None
    return int(world.store.rows[clock]["frozen_time"]) if clock else None


def _card(form: dict[str, str]) -> str:
    if form.get("card") not in {value for value, _text, _beside in CARDS_SHOWN}:
        raise ApiError("Choose a card.")
    return form["card"]


def _paid(pages: Any, row: Obj, do: str) -> Reply:
    if do == "vanish":
        return look.page("Window closed", look.said("It was paid, and the window closed before the shop was seen again.", kind="good"))
    if do == "twice":
        return look.page("Paid once", look.said("The second payment was refused: this session was complete.", kind="good") + _back(row))
    # The shop hears of it before its visitor comes back.
    pages.control.deliveries.wait_for("checkout.session.completed", row["id"])
    return look.redirect(success_url(row))


# The bank's question.


def challenge(pages: Any, _call: Call, form: dict[str, str], object_id: str) -> Reply:
    """The bank asks whether it is you."""
    row = _asked(pages.world, object_id)
    amount = row.get("amount_total") or row.get("amount")
    what = f"<p>A payment of <strong>{money(amount, row['currency'])}</strong> waits for your approval.</p>" if amount else "<p>Keeping this card waits for your approval.</p>"
    buttons = look.button("Approve", name="do", value="approve", main=True) + look.button("Refuse", name="do", value="refuse")
    body = f'{look.said(form.get("error", ""), kind="bad")}<form method="post" class="card"><h2>Your bank</h2>{what}<div class="buttons">{buttons}</div><p class="quiet">Closing this window leaves the payment unfinished.</p></form>'
    return look.page("Is it you?", body)


def _asked(world: World, object_id: str) -> Obj:
    row = world.store.rows.get(object_id)
    waits = row and {"checkout.session": row.get("_asking") and row["status"] == "open", "payment_intent": row.get("status") == "requires_action", "setup_intent": row.get("status") == "requires_action"}.get(row["object"])
    if not row or not waits:
        raise missing("payment that waits for approval", object_id)
    return row


def answer_challenge(pages: Any, _call: Call, form: dict[str, str], object_id: str) -> Reply:
    """The cardholder approves or refuses."""
    world = pages.world
    row, approved = _asked(world, object_id), form.get("do") == "approve"
    if row["object"] == "checkout.session":
        return _answer_session(pages, row, approved=approved)
    with world.store.lock, world.at(_moment(world, row)), world.store.unit():
        return _answer_setup(world, row, approved=approved) if row["object"] == "setup_intent" else _answer_intent(world, row, approved=approved)


def _answer_session(pages: Any, row: Obj, *, approved: bool) -> Reply:
    world = pages.world
    if not approved:
        return look.redirect(f"/c/{row['id']}?error=Your bank did not approve the payment. Choose another way to pay.")
    try:
        with world.store.lock, world.at(_moment(world, row)), world.store.unit():
            checkout.complete(world, row["id"], fixture=row["_asking"], authenticated=True)
    except ApiError as error:
        return look.redirect(f"/c/{row['id']}?error={error.message}")
    return _paid(pages, row, "pay")


def _answer_setup(world: World, row: Obj, *, approved: bool) -> Reply:
    if approved:
        methods.confirm_setup(world, {}, row["id"], authenticated=True)
        return look.page("Approved", look.said("Your bank agreed. You can close this window.", kind="good"))
    kept = world.store.edit(row["id"])
    kept |= {"status": "requires_payment_method", "next_action": None, "payment_method": None}
    world.announce("setup_intent.setup_failed", kept)
    return look.page("Refused", look.said("The card was not kept.", kind="bad"))


def _answer_intent(world: World, row: Obj, *, approved: bool) -> Reply:
    invoice = row["_invoice"]
    if approved:
        try:
            confirm_intent(world, {}, row["id"], authenticated=True)
        except ApiError as error:
            return look.redirect(f"/i/{invoice}?error={error.message}")
        return look.redirect(f"/i/{invoice}")
    with world.changing(row["id"]) as kept:
        kept |= {"status": "requires_payment_method", "next_action": None, "payment_method": None, "last_payment_error": cards.error_of("authentication_required", None)}
    world.announce("payment_intent.payment_failed", row)
    world.announce("invoice.payment_failed", world.store.rows[invoice])
    return look.redirect(f"/i/{invoice}?error=Your bank did not approve the payment.")


# An invoice.


def invoice(pages: Any, _call: Call, form: dict[str, str], invoice_id: str) -> Reply:
    """An invoice with its lines; an open one can be paid."""
    world = pages.world
    row = world.store.get("invoice", invoice_id)
    if row["status"] == "draft":
        raise missing("invoice", invoice_id)
    state = {"paid": f"Paid on {day(row['status_transitions']['paid_at'])}", "open": f"To pay: {money(row['amount_remaining'], row['currency'])}", "void": "Void: nothing is to be paid", "uncollectible": "Given up"}[row["status"]]
    parts = [look.said(form.get("error", ""), kind="bad"), f'<p class="card"><strong>{esc(state)}</strong><br><span class="quiet">{esc(row["customer_name"] or row["customer_email"])} · {day(row["effective_at"])}</span></p>', _lines(row)]
    if row["status"] == "open":
        own = invoicing.method_for(world, row)
        options = [("", "The card on file", f"•••• {_last4(world, own)}"), *CARDS_SHOWN] if own else CARDS_SHOWN
        parts.append(f'<form method="post" class="card">{look.choices("card", "Pay with", options, chosen=options[0][0])}<div class="buttons">{look.button("Pay", main=True)}</div></form>')
    parts.append(f'<p><a class="button" href="{esc(row["invoice_pdf"])}">Download the invoice (PDF)</a></p>')
    return look.page(f"Invoice {row['number']}", "".join(parts))


def _last4(world: World, method: str) -> str:
    row = world.store.rows[method]
    return str(row[row["type"]]["last4"])


def _lines(row: Obj) -> str:
    rows = [[esc(one["description"]), str(one["quantity"]), money(one["amount"], row["currency"])] for one in row["lines"]["data"]]
    off, tax = sum(one["amount"] for one in row["total_discount_amounts"]), sum(one["amount"] for one in row["total_taxes"])
    for name, amount in (("Discount", -off), ("Tax", tax), ("From the balance", row["amount_due"] - max(row["total"], 0))):
        rows += [[esc(name), "", money(amount, row["currency"])]] if amount else []
    rows.append(["<strong>Total</strong>", "", f"<strong>{money(row['amount_due'], row['currency'])}</strong>"])
    return f'<div class="card">{look.table(["What", "Pieces", "Amount"], rows, numbers=[1, 2])}</div>'


def pay_invoice(pages: Any, _call: Call, form: dict[str, str], invoice_id: str) -> Reply:
    """Somebody pays an open invoice."""
    world = pages.world
    row = world.store.get("invoice", invoice_id)
    if row["status"] != "open":
        return look.redirect(f"/i/{invoice_id}")
    with world.store.lock, world.at(_moment(world, row)), world.store.unit():
        method = None
        if form.get("card"):
            made = methods.make(world, _card(form))
            made["customer"], method = row["customer"], made["id"]
        found = paying.pay(world, invoice_id, method=method)
    if found.kind == "action":
        return look.redirect(f"/3ds/{row['_intent']}")
    if found.kind == "declined":
        return look.redirect(f"/i/{invoice_id}?error={cards.declined(found.decline).message}")
    pages.control.deliveries.wait_for("invoice.paid", invoice_id, seconds=5.0)
    return look.redirect(f"/i/{invoice_id}")
