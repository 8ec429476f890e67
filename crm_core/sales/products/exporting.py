"""What an export of products holds beyond their list."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from crm_core.groundwork.exports.columns import Further, field_of, register

register(
    "product",
    Further((
        (_("Currency"), field_of("currency")), (_("Article number"), field_of("sku")), (_("Unit"), field_of("unit")),
        (_("Description"), field_of("description")), (_("Number elsewhere"), field_of("external_id")),
    )),
)  # fmt: skip
