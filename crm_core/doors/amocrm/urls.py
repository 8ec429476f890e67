"""The addresses of the API, below /api/v4/."""

from __future__ import annotations

import functools
from types import ModuleType

from django.urls import URLPattern

from .records import links, tagging, together, verbs
from .resources import (
    account,
    changes,
    custom_fields,
    events,
    notes,
    pipelines,
    tasks,
    test_workspaces,
    unsorted,
    users,
)
from .shelves import urls as shelves
from .wire.endpoint import Verb, at


def _of(module: ModuleType, plural: str, **verbs: str) -> dict[str, Verb]:
    """The verbs of a module for one collection."""
    return {method: functools.partial(getattr(module, name), plural=plural) for method, name in verbs.items()}


def _records(plural: str) -> list[URLPattern]:
    """The addresses that leads, contacts and companies have alike."""
    return [
        at(plural, _of(verbs, plural, GET="index", POST="make", PATCH="change_many")),
        at(f"{plural}/upsert", _of(verbs, plural, POST="upsert"), most=1000),
        at(f"{plural}/tags", _of(tagging, plural, GET="index", POST="make", PATCH="change_many")),
        at(f"{plural}/links", _of(links, plural, GET="of_many")),
        at(f"{plural}/link", _of(links, plural, POST="link")),
        at(f"{plural}/unlink", _of(links, plural, POST="unlink")),
        at(f"{plural}/<int:pk>", _of(verbs, plural, GET="show", PATCH="change", DELETE="put_in_bin")),
        at(f"{plural}/<int:pk>/restore", _of(verbs, plural, POST="restore")),
        at(f"{plural}/<int:pk>/links", _of(links, plural, GET="index")),
        at(f"{plural}/<int:pk>/link", _of(links, plural, POST="link")),
        at(f"{plural}/notes", _of(notes, plural, GET="index", POST="make", PATCH="change_many")),
        at(f"{plural}/<int:record_id>/notes", _of(notes, plural, GET="index", POST="make", PATCH="change_many")),
        *(
            pattern
            for one in (f"{plural}/notes/<int:pk>", f"{plural}/<int:record_id>/notes/<int:pk>")
            for pattern in (
                at(one, _of(notes, plural, GET="show", PATCH="change", DELETE="delete")),
                at(f"{one}/pin", _of(notes, plural, POST="pin")),
                at(f"{one}/unpin", _of(notes, plural, POST="unpin")),
            )
        ),
        # Some clients know the one word, some the other.
        *(at(f"{plural}/<int:pk>/{word}", _of(links, plural, POST="unlink")) for word in ("unlink", "unlinks")),
    ]


def _fields(path: str, entity: str) -> list[URLPattern]:
    """The custom fields of an entity and their groups."""
    of = {name: functools.partial(getattr(custom_fields, name), entity=entity, path=path) for name in _FIELD_VERBS}
    return [
        at(path, GET=of["index"], POST=of["make"], PATCH=of["change_many"]),
        at(f"{path}/groups", GET=of["groups"], POST=of["make_groups"]),
        at(f"{path}/groups/<slug:code>", GET=of["show_group"], PATCH=of["change_group"], DELETE=of["delete_group"]),
        at(f"{path}/<int:pk>", GET=of["show"], PATCH=of["change"], DELETE=of["delete"]),
    ]


_FIELD_VERBS = ("index", "show", "make", "change_many", "change", "delete", "groups", "show_group", "make_groups", "change_group", "delete_group")
# What programs ask for most stands first.
urlpatterns = [
    *_records("leads"),
    *_records("contacts"),
    *_records("companies"),
    at("account", GET=account.show),
    at("changes", GET=changes.index),
    at("test_workspaces", scope="users", POST=test_workspaces.make),
    at("events", most=events.MOST, GET=events.index),
    at("events/types", GET=events.types),
    at("events/<slug:code>", GET=events.show),
    at("users", scope="users", GET=users.index, POST=users.make),
    at("users/activate", scope="users", POST=users.activate),
    at("users/deactivate", scope="users", POST=users.deactivate),
    at("users/<int:pk>", scope="users", GET=users.show),
    at("roles", scope="users", GET=users.roles, POST=users.make_roles),
    at("roles/<int:pk>", scope="users", GET=users.show_role, PATCH=users.change_role, DELETE=users.delete_role),
    at("tasks", GET=tasks.index, POST=tasks.make, PATCH=tasks.change_many),
    at("tasks/<int:pk>", GET=tasks.show, PATCH=tasks.change, DELETE=tasks.delete),
    at("leads/unsorted", GET=unsorted.index),
    at("leads/unsorted/forms", POST=unsorted.make_form),
    at("leads/unsorted/form", POST=unsorted.make_form),  # so some clients call it
    at("leads/unsorted/sip", POST=unsorted.make_call),
    at("leads/unsorted/summary", GET=unsorted.summary),
    at("leads/unsorted/<slug:uid>", GET=unsorted.show),
    at("leads/unsorted/<slug:uid>/accept", POST=unsorted.accept),
    at("leads/unsorted/<slug:uid>/decline", DELETE=unsorted.decline),
    at("leads/unsorted/<slug:uid>/link", POST=unsorted.link),
    at("leads/complex", most=together.MOST, POST=together.make),
    at("leads/pipelines", most=50, GET=pipelines.index, POST=pipelines.make),
    at("leads/pipelines/<int:pk>", GET=pipelines.show, PATCH=pipelines.change, DELETE=pipelines.delete),
    at("leads/pipelines/<int:pipeline_id>/statuses", most=100, GET=pipelines.statuses, POST=pipelines.make_statuses),
    at("leads/pipelines/<int:pipeline_id>/statuses/<int:pk>", GET=pipelines.show_status, PATCH=pipelines.change_status, DELETE=pipelines.delete_status),
    at("leads/loss_reasons", GET=pipelines.reasons, POST=pipelines.make_reasons, PATCH=pipelines.change_reasons),
    at("leads/loss_reasons/<int:pk>", GET=pipelines.show_reason, PATCH=pipelines.change_reason, DELETE=pipelines.delete_reason),
    *_fields("leads/custom_fields", "deal"),
    *_fields("contacts/custom_fields", "contact"),
    *_fields("companies/custom_fields", "company"),
    *shelves.urlpatterns,
    *_fields("customers/custom_fields", "customer"),
    *_fields("customers/segments/custom_fields", "segment"),
]
