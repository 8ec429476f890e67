"""Contacts as an archive shows them."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from tenants.archives import shelves
from tenants.archives.shelves import Column, Shelf

shelves.register(
    Shelf(
        "contacts", _("Contacts"), order=10, id="c.id", where="c.binned_at IS NULL",
        source="contact c LEFT JOIN employment e ON e.contact_id = c.id AND e.main LEFT JOIN company f ON f.id = e.company_id LEFT JOIN person p ON p.id = c.responsible_id",
        columns=[
            Column(_("Name"), "c.name"),
            Column(_("Company"), "f.name", to="companies", key="CASE WHEN f.binned_at IS NULL THEN f.id END"),
            Column(_("Position"), "c.position"),
            Column(_("Phones"), "(SELECT string_agg(v->>'number', ', ') FROM jsonb_array_elements(c.phones) v)"),
            Column(_("E-mails"), "(SELECT string_agg(v->>'address', ', ') FROM jsonb_array_elements(c.emails) v)"),
            Column(_("Responsible"), "p.name"),
        ],
    )
)  # fmt: skip
