"""The application of the slice."""

from __future__ import annotations

from django.apps import AppConfig


class ContactsConfig(AppConfig):
    name = "crm_core.people.contacts"
    label = "contacts"
