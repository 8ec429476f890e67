"""The console's words for states, limits and modules."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from tenants.lifecycle.billing_state import BillingState

# State → label, tone of its badge, sign.
STATES = {
    BillingState.TRIAL: (_("Trial"), "note", "hourglass"),
    BillingState.ACTIVE: (_("Active"), "", "check"),
    BillingState.OVER_LIMIT: (_("Over limit"), "warn", "gauge"),
    BillingState.PAST_DUE: (_("Past due"), "warn", "triangle-alert"),
    BillingState.LIMITED: (_("Read-only"), "bad", "lock"),
    BillingState.FROZEN: (_("Frozen"), "bad", "lock"),
    BillingState.DELETE_SCHEDULED: (_("To be erased"), "bad", "trash-2"),
    BillingState.DELETED: (_("Erased"), "", "ban"),
}
METRICS = {
    "users": _("Seats"), "viewers": _("View-only seats"), "contacts": _("Contacts and companies"), "deals_open": _("Open deals"), "pipelines": _("Pipelines"),
    "fields": _("Custom fields"), "automations": _("Automations"), "automation_runs": _("Automation runs a month"), "storage": _("Storage, bytes"),
    "mailboxes": _("Mailboxes"), "forms": _("Web forms"), "api_rate": _("API requests a second"), "journal_days": _("Days of the journal shown"),
}  # fmt: skip
MODULES = {"automation": _("Automation"), "chats": _("Chats"), "mailings": _("Mass mailings")}
INTERVALS = {"month": _("a month"), "year": _("a year")}
EACH = _("each")
DURATIONS = {"once": _("the first bill"), "repeating": _("some months"), "forever": _("for good")}
EVENTS = {"failed": _("Failed, tried again"), "dead": _("Given up"), "orphan": _("Nobody’s")}
REFUNDS = {"waiting": _("Waits for a second person"), "asked": _("Asked for"), "done": _("Given back"), "refused": _("Refused"), "failed": _("Failed")}
DRIFTS = {
    "not_there": _("Ours is not at the provider"), "orphan": _("The provider’s is not ours"), "differs": _("State, period or price differ"), "quantity": _("Number of seats differs"),
    "two_live": _("Two live subscriptions"), "invoices": _("Invoices differ"), "customer_gone": _("The customer is gone"), "entitlements": _("The workspace was told otherwise"),
    "counters": _("A counter is not the count"), "inbox": _("An event is stuck"), "catalogue": _("Prices differ"), "ops": _("A request has no answer"),
}  # fmt: skip
# What operators do, by the name of its event.
ACTS = {
    "operator.added": _("Operator added"), "operator.changed": _("Operator changed"), "operator.closed": _("Operator let go"),
    "operator.password_changed": _("Own password changed"), "operator.codes_renewed": _("Own recovery codes renewed"), "operator.sessions_ended": _("Own sessions ended"),
    "plan_version.made": _("New plan version made"), "plan_version.offered": _("Plan version put on sale"), "plan_version.withdrawn": _("Plan version taken off sale"),
    "add_on_version.made": _("New version of an add-on made"), "add_on_version.offered": _("Add-on put on sale"), "add_on_version.withdrawn": _("Add-on taken off sale"),
    "statement.loaded": _("Bank statement read"), "statement_line.settled": _("Line of a statement settled"), "drift.mended": _("Difference looked at and mended"),

    "coupon.made": _("Coupon made"), "coupon.archived": _("Coupon ended"), "revenue.exported": _("Revenue exported"), "provider_event.replayed": _("Provider’s event worked through anew"),
}  # fmt: skip
# What was done about money, by the name of its line in the journal.
MONEY = {
    "operator.extended": _("More time given"), "override.granted": _("Another limit granted"), "override.ended": _("A granted limit ended"), "coupon.given": _("Coupon given by an operator"),
    "plan.change": _("Plan changed"), "plan.taken_back": _("Planned change taken back"), "plan.again": _("Planned change asked for again"), "plan.cancelled": _("Plan cancelled"), "plan.resumed": _("Plan goes on"),
    "plan.paused": _("Plan paused"), "plan.unpaused": _("Pause ended"), "plan.begun_anew": _("A period begun after the old bill was paid"), "bill.pay": _("Tried to pay a bill"), "coupon.redeem": _("Coupon put in at the provider"), "coupon.redeemed": _("Coupon taken"),
    "seats.add": _("Seats bought"), "seats.pay": _("Waiting seats paid for"), "seats.remove": _("Seats given back"), "seats.given_up": _("Waiting seats given up"),
    "occasional.ceiling": _("Ceiling of occasional days set"), "occasional.charged": _("Occasional days charged"), "occasional.closed": _("Last occasional days billed"), "payment.promised": _("Payment promised"), "checkout.begun": _("Purchase begun"),
    "referral.named": _("Recommended by another"), "referral.owed": _("Owed for a recommendation"), "referral.given": _("Given for a recommendation"),
    "ceiling.set": _("Spending ceiling set"), "contacts.set": _("Billing contacts set"), "payer.added": _("Payer added"), "payer.changed": _("Payer changed"), "payer.main": _("Another main payer"),
    "payer.archived": _("Payer archived"), "subscription.changed": _("Subscription changed"), "customer.gone": _("The provider has no such customer"), "workspace.erased": _("Workspace erased"),
    "invoice.disputed": _("Payment disputed at the bank"), "proforma.issued": _("Bill issued"), "invoice.issued": _("Invoice issued"), "credit_note.issued": _("Credit note issued"),
    "closing.issued": _("Closing document issued"), "payment.recorded": _("Payment recorded"), "bill.taken_back": _("Bill taken back"), "balance.changed": _("Balance changed"),
    "refund.waiting": _("Refund waits for a second person"), "refund.asked": _("Refund asked for"), "refund.approved": _("Refund agreed to"), "refund.refused": _("Refund refused"),
    "payment.late": _("Money came for a bill that was taken back: it is credit now"), "credit.carried": _("Credit carried over to the provider of cards"), "trial.goes_on": _("The trial goes on: what was bought in it was not paid"),
    "refund.done": _("Refund done"), "refund.failed": _("Refund failed"),
    "subscription.ended": _("Subscription ended with its workspace"), "checkout.failed": _("Purchase fell through"), "ceiling.near": _("Spending ceiling nearly reached"),
    "tax.changed": _("Another tax from the next bill on"), "tax.credited": _("Tax given back by a credit note"), "tax_id.verified": _("Tax number is right"), "tax_id.refused": _("Tax number is wrong"),
}  # fmt: skip
# What became of a line of a bank's statement → label, tone of its badge, sign.
LINES = {
    "review": (_("To be looked at"), "warn", "eye"), "unknown": (_("Unknown"), "warn", "circle-dashed"), "paid": (_("Paid in full"), "good", "check"), "partial": (_("Paid in part"), "note", "gauge"),
    "over": (_("More than owed"), "note", "arrow-up"), "known": (_("Recorded before"), "", "check"), "ignored": (_("Laid aside"), "", "archive"),
}  # fmt: skip
FIELDS = {
    "plan": _("plan"), "version": _("version"), "seats": _("seats"), "add_ons": _("beside the plan"), "add_on": _("beside the plan"), "interval": _("paid"), "currency": _("currency"), "status": _("state"),
    "state": _("state"), "cancel_at": _("ends on"), "past_due_since": _("unpaid since"), "paused_until": _("paused until"), "trial_ends_at": _("trial ends"), "trial_end": _("trial ends"),
    "extended_until": _("extended until"), "until": _("until"), "from": _("from"), "code": _("code"), "coupon": _("coupon"), "number": _("document"), "invoice": _("document"), "total": _("total"),
    "amount": _("sum"), "over": _("more than owed"), "method": _("by"), "freed": _("back as credit"), "minor": _("sum"), "contacts": _("contacts"), "days": _("days"), "payer": _("payer"), "name": _("name"),
    "country": _("country"), "address": _("address"), "tax_id": _("tax number"), "tax_bp": _("Tax"), "email": _("e-mail"), "language": _("language"), "by": _("by"), "disputed": _("the bank says"), "error": _("error"), "ceiling": _("ceiling"),
    "external_id": _("number at the provider"), "changed": _("outcome"), "applied": _("done"), "declined": _("declined"), "document": _("document"), "confirm_url": _("to be confirmed at"),
    "percent_bp": _("discount"), "duration": _("holds for"), "months": _("months"), "plans": _("plans"), "most": _("at most"), "amount_minor": _("discount"), "event": _("event"),
    "role": _("role"), "password": _("password"), "second_factor_forgotten": _("second factor forgotten"), "opened": _("opened again"), "sessions_ended": _("sessions ended"), "file": _("file"), "lines": _("lines"), "known_before": _("known before"), "line_state": _("state"), "difference": _("difference"), "ours": _("ours"), "theirs": _("theirs"), "provider": _("the provider"), "ledger": _("the ledger"), "last": _("last"), "customer": _("customer"),
    "subscriptions": _("subscriptions"), "kind": _("what"), "counter": _("counter"), "count": _("count"), "period_start": _("period from"), "period_end": _("period to"), "anchor": _("counted from"),
    "gone": _("mended"),
    "what": _("what"), "month": _("month"), "format": _("format"),
    **{state: label for state, (label, _tone, _icon) in LINES.items()},
}  # fmt: skip
STATUSES = {
    "none": _("nothing bought"), "incomplete": _("purchase under way"), "trialing": _("on trial"), "active": _("active"), "past_due": _("unpaid"), "unpaid": _("given up as unpaid"), "paused": _("paused"),
    "canceled": _("ended"),
}  # fmt: skip
PLACES = {
    "active": _("in use"), "asleep": _("asleep"), "leaving": _("leaving"), "erased": _("erased"), "claiming": _("being taken"), "trial": _("Trial"), "over_limit": _("Over limit"), "past_due": _("Past due"),
    "limited": _("Read-only"), "frozen": _("Frozen"), "delete_scheduled": _("To be erased"), "deleted": _("Erased"),
}  # fmt: skip
METHODS = {"hand": _("an operator"), "transfer": _("transfer"), "balance": _("credit"), "card": _("card")}
PROVIDERS = {"stripe": _("card"), "manual_invoice": _("transfer")}
SEATS = {"named": _("named"), "viewer": _("view-only"), "concurrent": _("at work at a time"), "occasional": _("occasional")}
REASONS = {"provider": _("The provider said so")}
CHANGES = {"plan": _("Another plan"), "seats": _("Seats that are not paid yet"), "cancel": _("Ends"), "add_ons": _("Beside the plan"), "pause": _("End of the pause"), "anew": _("A period that begins")}
DOCUMENTS = {"proforma": _("Bill"), "invoice": _("Invoice"), "credit_note": _("Credit note"), "closing": _("Closing document")}
# Status of a document → label, tone of its badge, sign.
PAID = {
    "draft": (_("Not issued yet"), "", "pencil"), "open": (_("To be paid"), "warn", "clock"), "paid": (_("Paid"), "good", "check"), "void": (_("Taken back"), "", "ban"),
    "uncollectible": (_("Given up"), "", "ban"),
}  # fmt: skip
# A step of the reminders.
STEPS = {
    "trial_14": _("A week of the trial is left"), "trial_18": _("Three days of the trial are left"), "trial_20": _("A day of the trial is left"), "trial_end": _("The trial is over"),
    "past_due": _("The payment failed"), "remind_3": _("Reminder on day 3"), "remind_7": _("Reminder on day 7"), "warn_10": _("What happens on day 15"), "limited": _("Read-only from now on"),
    "remind_30": _("Reminder on day 30"), "frozen": _("Frozen from now on"), "erase_30": _("Erased in 30 days"), "erase_7": _("Erased in 7 days"), "erase_1": _("Erased tomorrow"), "erase": _("Erasure"),
}  # fmt: skip
WHY = {
    "several": _("Names several bills"), "reference": _("Names a reference that is none of ours"), "none": _("Names no bill, and none fits"), "currency": _("The bill is in another currency"),
    "taken_back": _("The bill was taken back"), "payer": _("Somebody else’s tax number"),
}  # fmt: skip
RECORDED = {"hand": _("by hand"), "transfer": _("from a statement")}
