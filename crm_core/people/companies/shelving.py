"""Companies as an archive shows them."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from tenants.archives import shelves
from tenants.archives.shelves import Column, Shelf

shelves.register(
    Shelf(
        "companies", _("Companies"), order=20, id="c.id", where="c.binned_at IS NULL",
        source="company c LEFT JOIN person p ON p.id = c.responsible_id",
        columns=[
            Column(_("Name"), "c.name"),
            Column(_("Industry"), "c.industry"),
            Column(_("Site"), "c.site"),
            Column(_("Phones"), "(SELECT string_agg(v->>'number', ', ') FROM jsonb_array_elements(c.phones) v)"),
            Column(_("E-mails"), "(SELECT string_agg(v->>'address', ', ') FROM jsonb_array_elements(c.emails) v)"),
            Column(_("Responsible"), "p.name"),
        ],
    )
)  # fmt: skip
