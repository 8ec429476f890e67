"""What an export of contacts holds beyond their list."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from crm_core.groundwork.exports.columns import Further, field_of, register
from crm_core.people.exporting import SHARED

OWN = ((_("First name"), field_of("first_name")), (_("Last name"), field_of("last_name")), (_("Position"), field_of("position")), (_("Birthday"), field_of("birthday")))
register("contact", Further((*OWN, *SHARED), heads={"name": _("Whole name")}))
