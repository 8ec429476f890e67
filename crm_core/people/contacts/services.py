"""Verbs of contacts: the engine's, under the field's names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crm_core.groundwork.records import writing
from crm_core.groundwork.records.ordering import fold
from crm_platform.kernel.permissions import Actor

from .kind import CONTACT
from .models import Contact


def create_contact(actor: Actor, **values: Any) -> Contact:
    """Make a contact; see `writing.create`. `companies` links it, the first is the main one."""
    made: Contact = writing.create(actor, CONTACT, values)
    return made


def create_contacts(actor: Actor, rows: Sequence[Mapping[str, Any]]) -> list[Contact]:
    """Make many in a constant number of statements (links apart)."""
    return writing.create_many(actor, CONTACT, rows)


def change_contact(actor: Actor, pk: int, *, version: int | None = None, **values: Any) -> Contact:
    """Change one; see `writing.change`."""
    changed: Contact = writing.change(actor, CONTACT, pk, values, version=version)
    return changed


def named(actor: Actor, name: str) -> Contact | None:
    """The contact of a name, made where there is none; None for an empty name."""
    name = " ".join(name.split())
    if not name:
        return None
    first, _blank, last = name.partition(" ")
    for contact in Contact.objects.filter(name__iexact=name, binned_at=None).order_by("id")[:5]:
        if fold(contact.name) == fold(name):
            found: Contact = contact
            return found
    return create_contact(actor, first_name=first, last_name=last)
