"""Incoming leads as an archive shows them."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from tenants.archives import shelves
from tenants.archives.shelves import Column, Shelf

shelves.register(
    Shelf(
        "incoming", _("Unsorted leads"), order=45, id="i.id", where="NOT i.probe",
        source="incoming_lead i LEFT JOIN lead_source s ON s.id = i.source_id LEFT JOIN person p ON p.id = i.responsible_id",
        columns=[
            Column(_("Name"), "i.name"),
            Column(_("Message"), "i.message"),
            Column(_("Source"), "s.name"),
            Column(_("State"), "i.state"),
            Column(_("Responsible"), "p.name"),
        ],
    )
)  # fmt: skip
