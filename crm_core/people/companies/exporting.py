"""What an export of companies holds beyond their list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from crm_core.groundwork.exports.columns import Further, field_of, register
from crm_core.people.exporting import SHARED
from crm_platform.db.prepared import names_by_key

from .models import Company


def gather(records: Sequence[Any]) -> dict[str, Any]:
    """The firms above, in one statement."""
    return {"parents": names_by_key(Company, {record.parent_id for record in records if record.parent_id} or {0})}


OWN = (
    (_("Industry"), field_of("industry")), (_("Founded"), field_of("founded")), (_("Annual revenue"), field_of("annual_revenue")),
    (_("Employees"), field_of("employees")), (_("Part of"), lambda company, given: given["parents"].get(company.parent_id, "")),
)  # fmt: skip
# The list's column of the city holds the whole address; here each part has its own.
register("company", Further((*OWN, *SHARED), gather, heads={"city": ""}))
