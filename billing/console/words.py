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
