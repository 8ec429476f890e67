"""Cards of the sandbox: what each is and how payments with it end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .errors import ApiError
from .shapes import Obj
from .world import World


@dataclass(frozen=True)
class Card:
    """One card by its fixture: good, declining (`decline` says with what), or asking its holder."""

    last4: str
    brand: str = "visa"
    decline: str = ""
    attaches: bool = True
    asks: str = ""
    disputes: str = ""
    refunds: str = ""
    kind: str = "card"
    pending: str = ""


CARDS: dict[str, Card] = {
    "pm_card_visa": Card("4242"),
    "pm_card_visa_debit": Card("5556"),
    "pm_card_mastercard": Card("4444", "mastercard"),
    "pm_card_amex": Card("0005", "amex"),
    "pm_card_discover": Card("1117", "discover"),
    "pm_card_us": Card("4242"),
    "pm_card_de": Card("0016"),
    "pm_card_chargeCustomerFail": Card("0341", decline="generic_decline"),
    "pm_card_chargeDeclined": Card("0002", decline="generic_decline", attaches=False),
    "pm_card_visa_chargeDeclined": Card("0002", decline="generic_decline", attaches=False),
    "pm_card_chargeDeclinedInsufficientFunds": Card("9995", decline="insufficient_funds", attaches=False),
    "pm_card_visa_chargeDeclinedInsufficientFunds": Card("9995", decline="insufficient_funds", attaches=False),
    "pm_card_chargeDeclinedLostCard": Card("9987", decline="lost_card", attaches=False),
    "pm_card_visa_chargeDeclinedLostCard": Card("9987", decline="lost_card", attaches=False),
    "pm_card_chargeDeclinedStolenCard": Card("9979", decline="stolen_card", attaches=False),
    "pm_card_visa_chargeDeclinedStolenCard": Card("9979", decline="stolen_card", attaches=False),
    "pm_card_chargeDeclinedExpiredCard": Card("0069", decline="expired_card", attaches=False),
    "pm_card_chargeDeclinedIncorrectCvc": Card("0127", decline="incorrect_cvc", attaches=False),
    "pm_card_chargeDeclinedProcessingError": Card("0119", decline="processing_error", attaches=False),
    "pm_card_authenticationRequired": Card("3184", asks="always"),
    "pm_card_authenticationRequiredOnSetup": Card("3155", asks="unless_set_up"),
    "pm_card_authenticationRequiredSetupForOffSession": Card("3155", asks="unless_set_up"),
    "pm_card_threeDSecureRequired": Card("3063", asks="always"),
    "pm_card_threeDSecure2Required": Card("3220", asks="always"),
    "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds": Card("3178", asks="always", decline="insufficient_funds"),
    "pm_card_createDispute": Card("0259", disputes="fraudulent"),
    "pm_card_createDisputeProductNotReceived": Card("2685", disputes="product_not_received"),
    "pm_card_refundFail": Card("5126", refunds="failed"),
    "pm_card_pendingRefund": Card("7726", refunds="pending"),
    "pm_sepaDebit": Card("3000", kind="sepa_debit", pending="succeeded"),
    "pm_sepaDebit_failed": Card("3002", kind="sepa_debit", pending="failed"),
}

# decline → what the error says: its code, and the sentence for the buyer.
DECLINES: dict[str, tuple[str, str]] = {
    "generic_decline": ("card_declined", "Your card was declined."),
    "do_not_honor": ("card_declined", "Your card was declined."),
    "insufficient_funds": ("card_declined", "Your card has insufficient funds."),
    "lost_card": ("card_declined", "Your card was declined."),
    "stolen_card": ("card_declined", "Your card was declined."),
    "fraudulent": ("card_declined", "Your card was declined."),
    "card_velocity_exceeded": ("card_declined", "Your card was declined for making repeated attempts too frequently or exceeding its amount limit."),
    "expired_card": ("expired_card", "Your card has expired."),
    "incorrect_cvc": ("incorrect_cvc", "Your card's security code is incorrect."),
    "processing_error": ("processing_error", "An error occurred while processing your card. Try again in a little bit."),
    "authentication_required": ("authentication_required", "This payment requires the cardholder to authenticate."),
}


@dataclass(frozen=True)
class Outcome:
    """How an attempt ends: ok, declined (with what), action, or processing."""

    kind: str
    decline: str = ""


def outcome(world: World, method: Obj | None, customer: str, *, authenticated: bool = False) -> Outcome:
    """How a payment with a method ends now; what was set to go wrong goes first."""
    if method is None:
        return Outcome("declined", "missing")
    fault = None if authenticated else world.faults.of_payment(customer)
    if fault:
        return {"decline": Outcome("declined", fault.code), "3ds": Outcome("action"), "pending": Outcome("processing", "succeeded")}[fault.kind]
    card = CARDS[method["_card"]]
    if not authenticated and (card.asks == "always" or (card.asks == "unless_set_up" and not method["_set_up"])):
        return Outcome("action")
    if card.pending:
        return Outcome("processing", card.pending)
    return Outcome("declined", card.decline) if card.decline else Outcome("ok")


def declined(decline: str, *, keep: bool = True, **more: Any) -> ApiError:
    """The refusal of a card."""
    if decline == "missing":
        return ApiError("This customer has no attached payment source or default payment method.", status=400, code="missing", keep=keep)
    code, sentence = DECLINES.get(decline, ("card_declined", "Your card was declined."))
    return ApiError(sentence, status=402, kind="card_error", code=code, keep=keep, decline_code=decline, doc_url=None, **more)


def error_of(decline: str, method: Obj | None) -> Obj:
    """The same as an intent keeps it as its last error."""
    error = dict(declined(decline).body()["error"])
    error["type"] = "card_error" if decline != "missing" else "invalid_request_error"
    return error | {"payment_method": {name: value for name, value in method.items() if not name.startswith("_")} if method else None}
