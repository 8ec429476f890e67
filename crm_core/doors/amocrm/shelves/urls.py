"""The addresses of kept things, below /api/v4/."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from types import ModuleType

from django.urls import URLPattern

from crm_core.doors.amocrm.drive import lying
from crm_core.doors.amocrm.records import tagging
from crm_core.doors.amocrm.resources import (
    bots,
    calls,
    catalogs,
    customer_links,
    customer_notes,
    customers,
    elements,
    hooks,
    short_links,
    sources,
    subscriptions,
    talks,
    transactions,
)
from crm_core.doors.amocrm.wire.endpoint import Verb, at

from . import shelf
from .shelf import Shelf

_ALL = {"GET": "index", "POST": "make", "PATCH": "change_many"}
_MADE = {"GET": "index", "POST": "make"}
_WHOLE = {**_ALL, "DELETE": "delete_many"}
_ONE = {"GET": "show", "PATCH": "change", "DELETE": "delete"}


def _of(module: ModuleType, **verbs: str) -> dict[str, Verb]:
    return {method: getattr(module, name) for method, name in verbs.items()}


def on(which: Shelf, verbs: Mapping[str, str], *, bare: bool = False) -> dict[str, Verb]:
    """The verbs of a shelf that needs no more than its declaration."""
    return {method: functools.partial(getattr(shelf, name), shelf=which, **({"bare": True} if bare and name == "make" else {})) for method, name in verbs.items()}


def _catalogs() -> list[URLPattern]:
    fields = "catalogs/<int:catalog_id>/custom_fields"
    of = {name: catalogs.field_verb(name) for name in ("index", "show", "make", "change_many", "change", "delete", "groups", "show_group", "make_groups", "change_group", "delete_group")}
    return [
        at("currencies", GET=catalogs.currencies),
        at("catalogs", _of(catalogs, **_ALL)),
        at("catalogs/products/settings", GET=catalogs.settings, PATCH=catalogs.change_settings),
        at("catalogs/<int:pk>", _of(catalogs, **_ONE)),
        at("catalogs/<int:catalog_id>/elements", _of(elements, **_ALL)),
        at("catalogs/<int:catalog_id>/elements/<int:pk>", _of(elements, **_ONE)),
        at(fields, GET=of["index"], POST=of["make"], PATCH=of["change_many"]),
        at(f"{fields}/groups", GET=of["groups"], POST=of["make_groups"]),
        at(f"{fields}/groups/<slug:code>", GET=of["show_group"], PATCH=of["change_group"], DELETE=of["delete_group"]),
        at(f"{fields}/<int:pk>", GET=of["show"], PATCH=of["change"], DELETE=of["delete"]),
    ]


def _customers() -> list[URLPattern]:
    tags = {method: functools.partial(verb, plural="customers") for method, verb in (("GET", tagging.index), ("POST", tagging.make), ("PATCH", tagging.change_many))}
    return [
        at("customers", _of(customers, **_ALL)),
        at("customers/mode", PATCH=customers.change_mode),
        at("customers/tags", tags),
        at("customers/statuses", on(customers.STATUSES, _MADE), most=30),
        at("customers/statuses/<int:pk>", on(customers.STATUSES, _ONE)),
        at("customers/segments", on(customers.SEGMENTS, _MADE, bare=True), most=100),
        at("customers/segments/<int:pk>", on(customers.SEGMENTS, _ONE)),
        at("customers/links", GET=customer_links.of_many),
        at("customers/link", POST=customer_links.link),
        at("customers/unlink", POST=customer_links.unlink),
        at("customers/transactions", GET=transactions.index),
        at("customers/transactions/<int:pk>", GET=transactions.show, DELETE=transactions.delete),
        at("customers/<int:customer_id>/transactions", GET=transactions.index, POST=transactions.make),
        at("customers/<int:customer_id>/transactions/<int:pk>", GET=transactions.show, DELETE=transactions.delete),
        at("customers/<int:pk>/bonus_points", POST=customers.bonus),
        at("customers/<int:pk>/links", GET=customer_links.index),
        at("customers/<int:pk>/link", POST=customer_links.link),
        *(at(f"customers/<int:pk>/{word}", POST=customer_links.unlink) for word in ("unlink", "unlinks")),
        at("customers/<int:pk>", _of(customers, **_ONE)),
        *_notes("customers/notes"),
        *_notes("customers/<int:record_id>/notes"),
    ]


def _notes(path: str) -> list[URLPattern]:
    return [
        at(path, _of(customer_notes, **_ALL)),
        at(f"{path}/<int:pk>", _of(customer_notes, **_ONE)),
        at(f"{path}/<int:pk>/pin", POST=customer_notes.pin),
        at(f"{path}/<int:pk>/unpin", POST=customer_notes.unpin),
    ]


def _declared() -> list[URLPattern]:
    """What integrations declare of themselves, and bots."""
    return [
        at("webhooks", GET=hooks.index, POST=hooks.subscribe, DELETE=hooks.unsubscribe),
        at("sources", on(sources.SOURCES, _WHOLE)),
        at("sources/<int:pk>", on(sources.SOURCES, _ONE)),
        at("website_buttons", {**on(sources.BUTTONS, {"GET": "index"}), "POST": sources.make_button}),
        at("website_buttons/<int:pk>", {**on(sources.BUTTONS, {"GET": "show", "DELETE": "delete"}), "PATCH": sources.change_button}),
        at("website_buttons/<int:pk>/online_chat", POST=sources.online_chat),
        at("widgets", GET=sources.widgets),
        at("widgets/<slug:code>", GET=sources.widget, POST=sources.install, DELETE=sources.uninstall),
        at("short_links", POST=short_links.make),
        at("bots", on(bots.BOTS, _MADE)),
        at("bots/run", POST=bots.run_many),
        at("bots/<int:pk>", on(bots.BOTS, _ONE)),
        at("bots/<int:pk>/run", POST=bots.run),
        at("bots/<int:pk>/stop", POST=bots.stop),
        *(at(f"{kind}/<int:bot>/continue/<int:pk>", POST=bots.go_on) for kind in ("salesbot", "marketingbot")),
    ]


def _said() -> list[URLPattern]:
    """Calls, talks, templates of messages."""
    return [
        at("calls", POST=calls.make),
        at("talks", GET=talks.talks, POST=talks.make_talks),
        at("talks/<int:pk>", GET=talks.talk, PATCH=talks.change_talk),
        at("talks/<int:pk>/close", POST=talks.close),
        at("contacts/chats", GET=talks.chats, POST=talks.link_chats),
        at("chats/templates", on(talks.TEMPLATES, _WHOLE)),
        at("chats/templates/<int:pk>", on(talks.TEMPLATES, _ONE)),
        at("chats/templates/<int:pk>/review", POST=talks.review),
        at("chats/templates/<int:pk>/review/<int:review_id>", POST=talks.decide),
    ]


def _of_records(plural: str) -> list[URLPattern]:
    """What stands on records of each collection."""
    on_record = {method: functools.partial(verb, plural=plural) for method, verb in (("GET", lying.index), ("PUT", lying.put), ("DELETE", lying.take))}
    return [
        at(f"{plural}/<int:pk>/files", on_record, scope="files"),
        at(f"{plural}/<int:pk>/subscriptions", GET=functools.partial(subscriptions.index, plural=plural)),
    ]


urlpatterns = [
    *_catalogs(), *_customers(), *_declared(), *_said(), at("files/<slug:uuid>/links", scope="files", GET=lying.links),
    *(pattern for plural in ("leads", "contacts", "companies", "customers") for pattern in _of_records(plural)),
]  # fmt: skip
