"""What webhooks may be told of, by the API's setting names, and the two ways it is written. Found by `webhooks.outbound` at start-up."""

from __future__ import annotations

from collections.abc import Callable

from django.utils.translation import gettext_lazy as _

from crm_core.people.companies.kind import COMPANY
from crm_core.people.contacts.kind import CONTACT
from crm_core.sales.deals.kind import DEAL
from crm_platform.events.models import Event
from webhooks.outbound import bodies, catalogue
from webhooks.outbound.catalogue import Setting

from . import bodies_json, bodies_v2

_ADDED, _CHANGED, _DELETED, _RESTORED = _("added"), _("changed"), _("deleted"), _("restored")
_MOVED = ("deal.moved", "deal.won", "deal.lost")


def _to_another(event: Event) -> bool:
    return "responsible_id" in event.after


def _note_on(code: str) -> Callable[[Event], bool]:
    beginning = f"{code}:"
    return lambda event: any(subject.startswith(beginning) for subject in event.subjects[1:2])


for _kind, _name in ((DEAL, "lead"), (CONTACT, "contact"), (COMPANY, "company")):
    _code = _kind.code
    _changes = (f"{_code}.changed", *(_MOVED if _kind is DEAL else ()))
    catalogue.register(
        Setting(f"add_{_name}", _ADDED, _kind.plural, (f"{_code}.created",)),
        Setting(f"update_{_name}", _CHANGED, _kind.plural, _changes),
        *([Setting("status_lead", _("another stage"), _kind.plural, _MOVED)] if _kind is DEAL else ()),
        Setting(f"responsible_{_name}", _("another person responsible"), _kind.plural, _changes, _to_another),
        Setting(f"delete_{_name}", _DELETED, _kind.plural, (f"{_code}.binned",)),
        Setting(f"restore_{_name}", _RESTORED, _kind.plural, (f"{_code}.restored",)),
        Setting(f"note_{_name}", _("a note written"), _kind.plural, ("note.added",), _note_on(_code), beneath=True),
    )
catalogue.register(
    Setting("add_task", _ADDED, _("Tasks"), ("task.added", "task.restored"), beneath=True),
    Setting("update_task", _CHANGED, _("Tasks"), ("task.changed", "task.done", "task.reopened"), beneath=True),
    Setting("responsible_task", _("another person responsible"), _("Tasks"), ("task.changed",), _to_another, beneath=True),
    Setting("delete_task", _DELETED, _("Tasks"), ("task.binned",), beneath=True),
    Setting("add_unsorted", _("received"), _("Incoming leads"), ("incoming.received",)),
    Setting("update_unsorted", _CHANGED, _("Incoming leads"), ("incoming.given", "incoming.rerouted", "incoming.call_told")),
    Setting("delete_unsorted", _("accepted or declined"), _("Incoming leads"), ("incoming.accepted", "incoming.linked", "incoming.merged", "incoming.declined")),
)
# What is only kept: what one program writes, the others are told.
_KEPT = (("customer", "customer", _("Customers")), ("talk", "talk", _("Chats")), ("catalog_element", "element", _("Elements of lists")))
catalogue.register(
    *(Setting(f"add_{name}", _ADDED, group, (f"{kind}.added",)) for name, kind, group in _KEPT),
    *(Setting(f"update_{name}", _CHANGED, group, (f"{kind}.changed",)) for name, kind, group in _KEPT),
    *(Setting(f"delete_{name}", _DELETED, group, (f"{kind}.deleted",)) for name, kind, group in _KEPT if kind != "talk"),
    Setting("status_customer", _("another stage"), _("Customers"), ("customer.changed",), lambda event: "status_id" in event.after),
    Setting("note_customer", _("a note written"), _("Customers"), ("customer_note.added",)),
    Setting("responsible_customer", _("another person responsible"), _("Customers"), ("customer.changed",), lambda event: "responsible_user_id" in event.after),
)
# Taken and kept; nothing of them happens here by itself.
catalogue.register(
    Setting("delete_talk", "delete", _("Others")),
    Setting("add_message", "add", _("Others")), Setting("update_message", "update", _("Others")), Setting("add_chat_template_review", "add", _("Others")),
)  # fmt: skip
bodies.register(bodies.Format(code="amocrm", label=_("Form, as amoCRM sends it"), content_type="application/x-www-form-urlencoded", gathers=20, draw=bodies_v2.draw, write=bodies_v2.write))
bodies.register(bodies.Format(code="json", label=_("JSON, one event each"), content_type="application/json", gathers=1, draw=bodies_json.draw, write=bodies_json.write))
