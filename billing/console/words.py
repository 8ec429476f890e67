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
DURATIONS = {"once": _("the first bill"), "repeating": _("so many months"), "forever": _("for good")}
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
    "plan_version.made": _("New plan version made"), "plan_version.offered": _("Plan version put on sale"), "plan_version.withdrawn": _("Plan version taken off sale"),
    "coupon.made": _("Coupon made"), "coupon.archived": _("Coupon ended"), "revenue.exported": _("Revenue exported"), "provider_event.replayed": _("Provider’s event worked through anew"),
}  # fmt: skip
