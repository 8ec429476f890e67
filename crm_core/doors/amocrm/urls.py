"""The addresses of the API, below /api/v4/."""

from __future__ import annotations

import functools

from django.urls import URLPattern

from .records import verbs
from .resources import account
from .wire.endpoint import at


def _records(plural: str) -> list[URLPattern]:
    """The addresses that leads, contacts and companies have alike."""
    of = {name: functools.partial(getattr(verbs, name), plural=plural) for name in ("index", "make", "change_many", "upsert", "show", "change", "put_in_bin", "restore")}
    return [
        at(plural, GET=of["index"], POST=of["make"], PATCH=of["change_many"]),
        at(f"{plural}/upsert", most=1000, POST=of["upsert"]),
        at(f"{plural}/<int:pk>", GET=of["show"], PATCH=of["change"], DELETE=of["put_in_bin"]),
        at(f"{plural}/<int:pk>/restore", POST=of["restore"]),
    ]


urlpatterns = [
    at("account", GET=account.show),
    *_records("leads"),
    *_records("contacts"),
    *_records("companies"),
]
