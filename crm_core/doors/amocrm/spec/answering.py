"""What is answered: status and body of each verb, by its function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from crm_core.doors.amocrm.drive import files, lying, sessions
from crm_core.doors.amocrm.records import links, tagging, together, verbs
from crm_core.doors.amocrm.resources import (
    account,
    bots,
    calls,
    catalogs,
    changes,
    custom_fields,
    customer_links,
    customer_notes,
    customers,
    elements,
    events,
    hooks,
    notes,
    pipelines,
    ringing,
    short_links,
    sources,
    subscriptions,
    talks,
    tasks,
    test_workspaces,
    transactions,
    unsorted,
    users,
)
from crm_core.doors.amocrm.shelves import shelf as shelves
from crm_core.doors.amocrm.shelves.shelf import Shelf

from .told import LINKS, NAMES
from .words import BOOL, INT, MOMENT, PK, STR, Schema, listed, maybe, ref, thing

Verb = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """A status with its body; `blank` says that there may be nothing to tell: 204."""

    schema: Schema | None = None
    status: int = 200
    blank: bool = False
    unchanged: bool = False
    media: str = "application/hal+json"


DONE, TAKEN = Answer(status=204), Answer(status=202)
_PAGE_LINKS = ref("PageLinks")
_COUNTS = {"_total_items": INT, "_page_count": INT}
_SELF = {"_links": LINKS}
_MINE = {"request_id": STR}


def page(key: str, item: str, *, counts: bool = False, blank: bool = True, unchanged: bool = False, counted: bool = False, at_times: Mapping[str, Schema] | None = None) -> Answer:
    """A page of a collection; `at_times` stands beside where it was asked for."""
    numbers = _COUNTS if counts else {"_total_items": INT} if counted else {}
    return Answer(thing({"_page": INT, "_links": _PAGE_LINKS, **numbers, "_embedded": thing({key: listed(ref(item))})}, at_times or {}), blank=blank, unchanged=unchanged)


def whole(key: str, item: str, *, blank: bool = False, beside: Mapping[str, Schema] | None = None) -> Answer:
    """A collection that comes whole."""
    return Answer(thing({"_total_items": INT, **(beside or {}), **_SELF, "_embedded": thing({key: listed(ref(item))})}), blank=blank)


def one(item: str, *, status: int = 200, blank: bool = False, unchanged: bool = False) -> Answer:
    """One thing."""
    return Answer(ref(item), status, blank=blank, unchanged=unchanged)


def made(key: str, item: Schema, *, status: int = 200, beside: Mapping[str, Schema] | None = None) -> Answer:
    """What was made or changed, in the order of the request."""
    return Answer(thing({**_SELF, **(beside or {}), "_embedded": thing({key: listed(item)})}), status)


def _full(item: str) -> Schema:
    """A whole thing with the client's own word for it."""
    return {"allOf": [ref(item), thing(_MINE)]}


_MADE = thing({"id": PK, **_MINE, **_SELF})
_CHANGED = {"id": PK, "updated_at": maybe(MOMENT), **_MINE, **_SELF}
_NOTE_MADE, _NOTE_CHANGED = thing({"id": PK, "entity_id": PK, **_MINE, **_SELF}), thing({**_CHANGED, "entity_id": PK})
_TOTAL = {"_total_items": INT}
_DECIDED = thing({"uid": STR, "category": STR, "pipeline_id": PK, "created_at": maybe(MOMENT), "account_id": INT, **_SELF, "_embedded": ref("Became")})
_COMPLEX = listed(thing({"id": maybe(PK), "contact_id": maybe(PK), "company_id": maybe(PK), "request_id": listed(STR), "merged": BOOL}, {"uid": STR}))
_SUMMARY = thing({
    "total": INT, "accepted": INT, "declined": INT, "average_sort_time": maybe(INT), **_SELF,
    "categories": thing({name: thing({"total": INT}) for name in ("sip", "mail", "forms", "chats")}),
})  # fmt: skip
_RINGING = thing({"element_id": maybe(PK), "element_type": maybe(INT), "uid": STR, "phone_number": STR})
_CALL = thing({
    "id": PK, "entity_id": PK, "entity_type": STR, "account_id": INT, **_MINE, "_embedded": thing({"entity": thing({"id": PK, **_SELF})}),
})  # fmt: skip
_REFUSED = thing({**_MINE, "status": INT, "title": STR, "detail": STR})
_UNSORTED = thing({"uid": STR, "account_id": INT, **_MINE, **_SELF, "_embedded": ref("Became")})
_CHANGES = thing({"cursor": STR, "more": BOOL, "_links": thing({"self": ref("Address"), "next": ref("Address")}), "_embedded": thing({"changes": listed(ref("Change"))})})
_PART = thing({"session_id": INT, "next_url": STR})
_BUTTON = thing({"source_id": PK, "trusted_websites": listed({}), **_MINE})
_TEST_WORKSPACE = thing({**dict.fromkeys(("name", "subdomain", "url", "api", "token"), STR), "id": STR, "is_test": BOOL, "ends_at": maybe(MOMENT), **_SELF})
_MODE = thing({"mode": STR, "is_enabled": BOOL})
# A shelf's component by its kind.
_SHELVED = {"customer": "Customer", "customer_status": "CustomerStatus", "segment": "Segment", "source": "Source", "button": "Button", "template": "Template", "bot": "Bot", "catalog": "Catalog"}


def _changed(plural: str) -> Schema:
    return thing({**_CHANGED, **({} if plural == "leads" else {"name": STR})})


def _shelf_made(shelf: Shelf, *, bare: bool = False) -> Answer:
    item = _MADE if shelf.minimal else _full(_SHELVED[shelf.kind])
    answer = made(shelf.plural, item, beside=_TOTAL if shelf.total or shelf.pages else {})
    return Answer({"anyOf": [item, answer.schema]}) if bare else answer


def _shelf_page(shelf: Shelf) -> Answer:
    return page(shelf.plural, _SHELVED[shelf.kind], counts=shelf.pages, counted=shelf.total)


def _of_field(answer: Answer) -> Callable[..., Answer]:
    return lambda entity="", path="": answer


def _of_record(answer: Answer) -> Callable[..., Answer]:
    return lambda plural: answer


def _always(answer: Answer) -> Callable[..., Answer]:
    return lambda: answer


_BY_RECORD: dict[Verb, Callable[..., Answer]] = {
    verbs.index: lambda plural: page(plural, NAMES[plural], unchanged=True, at_times=_COUNTS),
    verbs.show: lambda plural: one(NAMES[plural], blank=True, unchanged=True),
    verbs.make: lambda plural: made(plural, _MADE),
    verbs.change_many: lambda plural: made(plural, _changed(plural)),
    verbs.change: lambda plural: Answer(_changed(plural)),
    verbs.upsert: lambda plural: made(plural, thing({"id": PK, **_MINE, **_SELF, "external_id": STR, "created": BOOL}, {"updated_at": maybe(MOMENT), "name": STR})),
    verbs.restore: lambda plural: one(NAMES[plural]),
    **{verb: _of_record(DONE) for verb in (verbs.put_in_bin, links.unlink, notes.pin, notes.unpin, notes.delete)},
    tagging.index: _of_record(page("tags", "Tag")), tagging.make: _of_record(made("tags", _full("Tag"))), tagging.change_many: _of_record(made("tags", _full("Tag"))),
    links.index: _of_record(whole("links", "Link")), links.of_many: _of_record(whole("links", "Link")), links.link: _of_record(made("links", ref("Link"), beside=_TOTAL)),
    notes.index: _of_record(page("notes", "Note")), notes.show: _of_record(one("Note")), notes.make: _of_record(made("notes", _NOTE_MADE)),
    notes.change_many: _of_record(made("notes", _NOTE_CHANGED)), notes.change: _of_record(Answer(_NOTE_CHANGED)),
    lying.index: _of_record(page("files", "LyingFile")), lying.put: _of_record(made("files", ref("LyingFile"), status=202)), lying.take: _of_record(made("files", ref("LyingFile"), status=202)),
    subscriptions.index: _of_record(Answer(thing({"_page": INT, "_links": _PAGE_LINKS, **_COUNTS, "_embedded": thing({"subscriptions": listed(thing({"subscriber_id": PK, "type": STR}))})}), blank=True)),
}  # fmt: skip
_BY_FIELD: dict[Verb, Callable[..., Answer]] = {
    custom_fields.index: _of_field(page("custom_fields", "Field", counts=True, blank=False)), custom_fields.show: _of_field(one("Field")),
    custom_fields.make: _of_field(made("custom_fields", _full("Field"), status=201, beside=_TOTAL)), custom_fields.change_many: _of_field(made("custom_fields", _full("Field"), status=201)),
    custom_fields.change: _of_field(one("Field", status=201)), custom_fields.delete: _of_field(DONE), custom_fields.groups: _of_field(whole("custom_field_groups", "FieldGroup")),
    custom_fields.show_group: _of_field(one("FieldGroup")), custom_fields.make_groups: _of_field(made("custom_field_groups", _full("FieldGroup"), status=201)),
    custom_fields.change_group: _of_field(one("FieldGroup")), custom_fields.delete_group: _of_field(DONE),
}  # fmt: skip
_BY_SHELF: dict[Verb, Callable[..., Answer]] = {
    shelves.index: _shelf_page, shelves.show: lambda shelf: one(_SHELVED[shelf.kind], blank=shelf.blank_where_missing), shelves.make: _shelf_made,
    shelves.change_many: lambda shelf: made(shelf.plural, thing(_CHANGED) if shelf.minimal else _full(_SHELVED[shelf.kind])),
    shelves.change: lambda shelf: Answer(thing(_CHANGED) if shelf.minimal else _full(_SHELVED[shelf.kind])),
    shelves.delete: lambda shelf: DONE, shelves.delete_many: lambda shelf: DONE,
}  # fmt: skip
_FIXED: dict[Verb, Answer] = {
    account.show: one("Account"), changes.index: Answer(_CHANGES), events.index: page("events", "Event"), events.show: one("Event"),
    events.types: whole("events_types", "EventType", beside={"language_code": maybe(STR)}),
    users.index: page("users", "User", counts=True, blank=False), users.show: one("User"), users.make: made("users", _full("User"), status=201, beside=_TOTAL), users.activate: DONE,
    users.deactivate: DONE, users.roles: page("roles", "Role", counts=True, blank=False), users.show_role: one("Role"), users.make_roles: made("roles", _full("Role"), status=201, beside=_TOTAL),
    users.change_role: one("Role", status=202), users.delete_role: DONE,
    tasks.index: page("tasks", "Task"), tasks.show: one("Task"), tasks.make: made("tasks", _MADE), tasks.change_many: made("tasks", thing(_CHANGED)), tasks.change: Answer(thing(_CHANGED)),
    tasks.delete: DONE,
    unsorted.index: page("unsorted", "Unsorted"), unsorted.show: one("Unsorted"), unsorted.make_form: made("unsorted", _UNSORTED, beside=_TOTAL), unsorted.make_call: made("unsorted", _UNSORTED, beside=_TOTAL),
    unsorted.summary: Answer(_SUMMARY), unsorted.accept: Answer(_DECIDED), unsorted.decline: Answer(_DECIDED), unsorted.link: Answer(_DECIDED), together.make: Answer(_COMPLEX),
    pipelines.index: whole("pipelines", "Pipeline"), pipelines.show: one("Pipeline"), pipelines.make: made("pipelines", _full("Pipeline"), beside=_TOTAL), pipelines.change: one("Pipeline"),
    pipelines.delete: DONE, pipelines.statuses: whole("statuses", "Status"), pipelines.show_status: one("Status"), pipelines.make_statuses: made("statuses", _full("Status"), beside=_TOTAL),
    pipelines.change_status: one("Status"), pipelines.delete_status: DONE, pipelines.reasons: whole("loss_reasons", "LossReason"), pipelines.show_reason: one("LossReason"),
    pipelines.make_reasons: made("loss_reasons", _full("LossReason")), pipelines.change_reasons: made("loss_reasons", _full("LossReason")), pipelines.change_reason: one("LossReason"),
    pipelines.delete_reason: DONE,
    customers.index: page("customers", "Customer"), customers.show: one("Customer", blank=True), customers.make: made("customers", _MADE), customers.change_many: made("customers", thing(_CHANGED)),
    customers.change: Answer(thing(_CHANGED)), customers.delete: DONE, customers.change_mode: Answer(_MODE), customers.bonus: Answer(thing({"bonus_points": INT})),
    customer_links.index: whole("links", "Link"), customer_links.of_many: whole("links", "Link"), customer_links.link: made("links", ref("Link"), beside=_TOTAL), customer_links.unlink: DONE,
    customer_notes.index: page("notes", "CustomerNote"), customer_notes.show: one("CustomerNote"), customer_notes.make: made("notes", _NOTE_MADE),
    customer_notes.change_many: made("notes", _NOTE_CHANGED), customer_notes.change: Answer(_NOTE_CHANGED), customer_notes.pin: DONE, customer_notes.unpin: DONE, customer_notes.delete: DONE,
    transactions.index: page("transactions", "Transaction"), transactions.show: one("Transaction"), transactions.make: made("transactions", _full("Transaction")), transactions.delete: DONE,
    catalogs.index: page("catalogs", "Catalog"), catalogs.show: one("Catalog"), catalogs.make: made("catalogs", _full("Catalog")), catalogs.change_many: made("catalogs", _full("Catalog")),
    catalogs.change: one("Catalog"), catalogs.delete: DONE, catalogs.settings: one("ProductsSettings"), catalogs.change_settings: one("ProductsSettings"),
    catalogs.currencies: page("currencies", "Currency", blank=False),
    elements.index: page("elements", "Element"), elements.show: one("Element"), elements.make: made("elements", _full("Element")), elements.change_many: made("elements", _full("Element")),
    elements.change: Answer({"allOf": [ref("Element"), thing({}, _MINE)]}), elements.delete: DONE,
    hooks.index: whole("webhooks", "Webhook", blank=True), hooks.subscribe: one("Webhook", status=201), hooks.unsubscribe: DONE,
    sources.make_button: Answer(_BUTTON, 202), sources.change_button: one("Button"), sources.online_chat: TAKEN, sources.widgets: page("widgets", "Widget"), sources.widget: one("Widget"),
    sources.install: one("Widget"), sources.uninstall: DONE,
    test_workspaces.make: Answer(_TEST_WORKSPACE, 201),
    short_links.make: made("short_links", _full("ShortLink"), beside=_TOTAL),
    bots.run_many: Answer(thing({"success": BOOL}), 202), bots.run: TAKEN, bots.stop: TAKEN, bots.go_on: TAKEN,
    ringing.ring: Answer(thing({"_links": thing({"self": thing({"href": STR, "method": STR})}), "_embedded": thing({"items": listed(_RINGING)})})),
    calls.make: made("calls", _CALL, beside={**_TOTAL, "errors": listed(_REFUSED)}),
    talks.talks: page("talks", "Talk"), talks.talk: one("Talk"), talks.make_talks: made("talks", _full("Talk")), talks.change_talk: one("Talk"), talks.close: TAKEN,
    talks.chats: page("chats", "Chat"), talks.link_chats: made("chats", _full("Chat")), talks.review: made("reviews", ref("Review")), talks.decide: one("Review"),
    lying.links: Answer(thing({"_page": INT, "_links": _PAGE_LINKS, "_embedded": thing({"links": listed(thing({"entity_id": PK, "entity_type": STR, **_SELF}))})}), blank=True),
    files.index: page("files", "File"), files.show: one("File"), files.versions: page("versions", "File"), files.change: one("File"), files.delete: DONE, files.restore: made("files", ref("File")),
    files.download: Answer({"type": "string", "contentMediaType": "application/octet-stream"}, media="application/octet-stream"),
    sessions.begin: Answer(thing({"session_id": INT, "upload_url": STR, "max_file_size": INT, "max_part_size": INT})), sessions.part: Answer({"anyOf": [_PART, ref("File")]}),
}  # fmt: skip
ANSWERS: dict[Verb, Callable[..., Answer]] = {**_BY_RECORD, **_BY_FIELD, **_BY_SHELF, **{verb: _always(answer) for verb, answer in _FIXED.items()}}
