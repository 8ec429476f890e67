"""Start-up of contacts."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ContactsConfig(AppConfig):
    name = "crm_core.people.contacts"
    label = "contacts"

    def ready(self) -> None:
        from billing.metering.proof import truth  # inline: apps load before models
        from crm_core.people.companies.models import Company  # inline: apps load before models
        from crm_platform.ui import places  # inline: apps load before models

        from . import desk, exporting, importing, shelving  # noqa: F401  # inline: apps load before models
        from .models import Contact  # inline: apps load before models
        from .permissions import CONTACTS  # inline: apps load before models

        places.register(places.Place("contacts", _("Contacts"), "users", "contacts", 30, right=CONTACTS.VIEW))
        truth("contacts")(lambda: Contact.objects.filter(binned_at=None).count() + Company.objects.filter(binned_at=None).count())
