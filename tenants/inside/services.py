"""Reading and writing the two rows, once per unit of work."""

from __future__ import annotations

import copy
import functools
import time
from collections.abc import Mapping
from typing import Any, TypeVar

from django.core.exceptions import ObjectDoesNotExist
from django.db import models, transaction

from crm_platform.accounts.roles import SETTINGS
from crm_platform.db import sides
from crm_platform.db.prepared import Prepared
from crm_platform.events.backbone import emit
from crm_platform.kernel import clock, units, versions, workspace
from crm_platform.kernel.permissions import Actor, require
from crm_platform.kernel.preferences import Preferences as Chosen
from crm_platform.kernel.workspace import Place

from .models import Preferences, WorkspaceState

# Seconds for which a process believes what a firm chose: time zone, currency, name. Limits are never believed.
BELIEVED = 3.0
_STATE_WRITTEN = "tenants.inside.written"
R = TypeVar("R", bound=models.Model)
_chosen: dict[str, tuple[float, Chosen]] = {}
_STATE, _PREFERENCES = "read:tenants.inside.state", "read:tenants.inside.preferences"


@functools.cache
def _asked(model: type[R]) -> Prepared[R]:
    return Prepared(model, lambda: model._default_manager.filter(pk=1))


def _the(model: type[R]) -> R:
    row: R | None = _asked(model).first()
    if row is None:
        raise ObjectDoesNotExist(f"This workspace has no row of {model.__name__}.")
    return row


def state() -> WorkspaceState:
    """The workspace's state, read once in a unit of work."""
    kept = units.store()
    if _STATE not in kept:
        kept[_STATE] = _the(WorkspaceState)
    found: WorkspaceState = kept[_STATE]
    return found


def seen_state() -> WorkspaceState:
    """The state as pages show it, kept until it changes; limits are asked of `state`."""
    return versions.kept("workspace_state", ("workspace_state",), lambda: _the(WorkspaceState))


def preferences() -> Preferences:
    """The firm's preferences, read once in a unit of work."""
    kept = units.store()
    if _PREFERENCES not in kept:
        kept[_PREFERENCES] = _the(Preferences)
    found: Preferences = kept[_PREFERENCES]
    return found


def chosen() -> Chosen:
    """Answer to `kernel.preferences.here`."""
    place = workspace.current()
    if place is None:
        return Chosen()
    if _STATE_WRITTEN in units.store():
        return _choice()  # what this unit wrote may still be taken back: nobody else believes it yet
    now, kept = time.monotonic(), _chosen.get(place.prefix)
    if kept is None or now - kept[0] > BELIEVED:
        kept = now, _choice()
        if len(_chosen) > 20_000:
            _chosen.clear()
        _chosen[place.prefix] = kept
    return kept[1]


def _choice() -> Chosen:
    row = preferences()
    return Chosen(row.firm, row.language, row.time_zone, row.first_weekday, row.currency, row.country, row.first_steps)


def forget() -> None:
    """Read both anew: after one of them was written in this unit."""
    kept = units.store()
    kept[_STATE_WRITTEN] = True
    _chosen.pop(workspace.prefix(), None)
    kept.pop(_STATE, None)
    kept.pop(_PREFERENCES, None)


def write_state(place: Place, operation: str, **values: Any) -> None:
    """Apply a control message: write `values` into the workspace's state, in a unit of its own unless already inside.

    Idempotent: the same `operation` twice changes nothing the second time.
    """
    with sides.inside(place), transaction.atomic():
        row, _made = WorkspaceState.objects.get_or_create(pk=1, defaults={"public_id": place.public_id, "generation": place.generation})
        if row.last_operation == operation:
            return
        for name, value in values.items():
            setattr(row, name, value)
        row.last_operation, row.updated_at = operation, clock.real_now()
        row.save()
        forget()


def write_access(*, version: int, **values: Any) -> bool:
    """What the control side says of the workspace's life; an older version than the one told last changes nothing. Inside a unit."""
    return _write_newer("access_version", version, values) is not None


def write_billing(*, version: int, **values: Any) -> WorkspaceState | None:
    """What the control side says of the plan and its bills; an older version than the one told last changes nothing. Inside a unit.

    Returns the row as it stood before, None where nothing was written.
    """
    return _write_newer("billing_version", version, values)


def _write_newer(counted_by: str, version: int, values: Mapping[str, Any]) -> WorkspaceState | None:
    """Write what is newer than what was told last, by one of the row's counts; the row as it stood before, None where it was not newer."""
    row = WorkspaceState.objects.select_for_update().get(pk=1)
    if getattr(row, counted_by) >= version:
        return None
    before = copy.copy(row)
    written = {**values, counted_by: version, "updated_at": clock.real_now()}
    for name, value in written.items():
        setattr(row, name, value)
    row.save(update_fields=list(written))
    forget()
    return before


def change_preferences(actor: Actor, **values: Any) -> Preferences:
    """Change what the firm chose. Raises Forbidden."""
    require(actor, SETTINGS.right("edit"))
    row = Preferences.objects.select_for_update().get(pk=1)
    before = {name: getattr(row, name) for name in values}
    for name, value in values.items():
        setattr(row, name, value)
    row.save(update_fields=list(values))
    forget()
    emit(actor, "preferences.changed", entity="workspace", record_id=None, before=before, after=values, also=["workspace:1"])
    return row
