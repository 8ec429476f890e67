"""Disputes: a cardholder asks the bank for the money back."""

from __future__ import annotations

from .cards import CARDS
from .errors import invalid
from .shapes import Obj
from .world import World


def open_by_card(world: World, intent: str) -> None:
    """A card that disputes whatever is paid with it."""
    charge = world.store.rows.get(world.store.rows[intent]["latest_charge"] or "")
    if charge and charge["_card"] and CARDS[charge["_card"]].disputes:
        open_dispute(world, charge["id"], CARDS[charge["_card"]].disputes)


def open_dispute(world: World, charge: str, reason: str = "fraudulent") -> Obj:
    """A charge is disputed. Raises ApiError for one that is already, or was never paid."""
    row = world.store.get("charge", charge)
    if row["disputed"] or row["status"] != "succeeded":
        raise invalid("Only a paid charge that is not disputed can be disputed.")
    with world.changing(charge, "charge.updated") as row:
        row["disputed"] = True
    made = world.new(
        "dispute", "du", amount=row["amount"], charge=charge, currency=row["currency"], livemode=False, metadata={}, payment_intent=row["payment_intent"], reason=reason,
        status="needs_response", is_charge_refundable=False, enhanced_eligibility_types=[], balance_transactions=[],
    )  # fmt: skip
    made["evidence_details"] |= {"due_by": world.now() + 7 * 86_400, "has_evidence": False, "past_due": False, "submission_count": 0}
    world.add(made, event="charge.dispute.created")
    world.announce("charge.dispute.funds_withdrawn", made)
    return made


def close_dispute(world: World, dispute: str, status: str) -> Obj:
    """The bank has decided: lost, or won and the money comes back."""
    row = world.store.get("dispute", dispute)
    if row["status"] in ("won", "lost") or status not in ("won", "lost"):
        raise invalid(f"A dispute that is {row['status']} cannot become {status}.")
    with world.changing(dispute, "charge.dispute.updated") as row:
        row["status"] = status
    world.announce("charge.dispute.closed", row)
    if status == "won":
        world.announce("charge.dispute.funds_reinstated", row)
        with world.changing(row["charge"], "charge.updated") as charge:
            charge["disputed"] = False
    return row
