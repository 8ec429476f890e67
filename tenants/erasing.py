"""Erasing a workspace: marked by a command, done by the keeper, which checks again."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import psycopg
from django.conf import settings
from django.db import DatabaseError, InterfaceError

from crm_platform.db.sides import control_unit
from crm_platform.kernel import clock

from . import routing
from .carrying import turns
from .models import Domain, EmailIndex, State, Workspace
from .provisioning import owner

_log = logging.getLogger("kartoteka.keeper")


def mark_for_erasing(workspace: Workspace) -> Workspace:
    """Close the workspace; the keeper erases it. Inside a control unit. Its address is kept until it is gone."""
    workspace.state = State.LEAVING
    workspace.suspended_reason = "leaving"
    workspace.save(update_fields=["state", "suspended_reason"])
    routing.forget(workspace.slug)
    return workspace


def erase(workspace: Workspace) -> None:
    """Drop schema, role, files and addresses; the registry keeps a stub with the dates. Needs the owner's login. Raises turns.Busy."""
    with turns.turn(workspace.pk) as mine:
        if not mine:
            raise turns.Busy(slug=workspace.slug)
        _erase(workspace)


def _erase(workspace: Workspace) -> None:
    with control_unit():
        workspace.refresh_from_db(fields=["schema_name", "alias"])  # it may have moved since the caller read it
    with owner.seated(workspace.alias), owner.alone(workspace.pk):
        # The keeper and a command may both have seen the mark: whoever comes second finds it done.
        if not owner.has_workspace(workspace.schema_name):
            return
        owner.drop_workspace(workspace.schema_name)
    shutil.rmtree(Path(settings.MEDIA_ROOT) / workspace.public_id, ignore_errors=True)
    with control_unit():
        Domain.objects.filter(tenant=workspace).delete()
        EmailIndex.objects.filter(workspace=workspace).delete()
        slug = workspace.slug
        workspace.state, workspace.slug, workspace.name, workspace.erased_at = State.ERASED, None, "", clock.real_now()
        workspace.save(update_fields=["state", "slug", "name", "erased_at"])
    routing.forget(slug)
    _log.info("workspace erased", extra={"workspace": workspace.public_id})


def erase_marked() -> int:
    """Erase what stands in state `leaving`; returns how many."""
    with control_unit():
        marked = list(Workspace.objects.filter(state=State.LEAVING)[:5])
    return sum(_erased(workspace) for workspace in marked)


def _erased(workspace: Workspace) -> bool:
    try:
        erase(workspace)
    except (turns.Busy, DatabaseError, InterfaceError, psycopg.Error) as error:
        _log.warning("an erasing is put off", extra={"workspace": workspace.public_id, "error": str(error)})
        return False
    return True
