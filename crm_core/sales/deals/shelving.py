"""Deals as an archive shows them."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from crm_platform.kernel.money import DIGITS
from tenants.archives import shelves
from tenants.archives.shelves import Column, Shelf

_WHOLE = "CASE d.currency {} ELSE 100 END".format(" ".join(f"WHEN '{code}' THEN {10**digits}" for code, digits in DIGITS.items()))

shelves.register(
    Shelf(
        "deals", _("Deals"), order=30, id="d.id", where="d.binned_at IS NULL",
        source="deal d JOIN stage s ON s.id = d.stage_id JOIN pipeline l ON l.id = d.pipeline_id LEFT JOIN company f ON f.id = d.company_id"
        " LEFT JOIN deal_contact m ON m.deal_id = d.id AND m.main LEFT JOIN contact c ON c.id = m.contact_id LEFT JOIN person p ON p.id = d.responsible_id",
        columns=[
            Column(_("Name"), "d.name"),
            Column(_("Company"), "f.name", to="companies", key="CASE WHEN f.binned_at IS NULL THEN f.id END"),
            Column(_("Contact"), "c.name", to="contacts", key="CASE WHEN c.binned_at IS NULL THEN c.id END"),
            Column(_("Stage"), "l.name || ': ' || s.name"),
            Column(_("Sum"), f"trim_scale(d.sum_minor / ({_WHOLE})::numeric) || ' ' || d.currency", number=True),
            Column(_("Created"), "left(d.created_at::text, 10)", number=True),
            Column(_("Responsible"), "p.name"),
        ],
    )
)  # fmt: skip
