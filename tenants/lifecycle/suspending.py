"""The operator's suspension: a level, a reason that the people read, an end where one is set; lifted by one act."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from crm_platform.db import sides
from crm_platform.kernel.errors import Invalid

from . import states
from .models import Entry, Suspension, SuspensionLevel
from .states import By


def suspend(public_id: str, *, level: str, reason: str, by: By, operation: uuid.UUID, until: datetime | None = None) -> Entry:
    """Close a workspace as far as `level` says, once per operation; a second suspension takes the first one's place. Opens a control unit; the caller tells the workspace."""
    if level not in SuspensionLevel.values:
        raise Invalid(fields={"level": [_("There is no such level.")]})
    if not reason.strip():
        raise Invalid(fields={"reason": [_("A suspension needs its reason: the people of the workspace read it.")]})
    with sides.control_unit():
        made = states.done_before(operation, kind="suspended")
        if made is not None:
            return made
        row = states.locked(public_id)
        Suspension.objects.update_or_create(workspace=row, defaults={"level": level, "reason": reason.strip(), "until": until})
        told = {"before": {}, "after": {"level": level, "reason": reason.strip(), "until": until.isoformat() if until else None}}
        return states.record(row, "suspended", by=by, operation=operation, reason=reason.strip(), before=row.state, tell=told)


def lift(public_id: str, *, by: By, operation: uuid.UUID, reason: str = "") -> Entry:
    """Open the workspace again, once per operation. Opens a control unit; the caller tells the workspace."""
    with sides.control_unit():
        made = states.done_before(operation, kind="lifted")
        if made is not None:
            return made
        row = states.locked(public_id)
        Suspension.objects.filter(workspace=row).delete()
        return states.record(row, "lifted", by=by, operation=operation, reason=reason, before=row.state, tell={"before": {}, "after": {}})
