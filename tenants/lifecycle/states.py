"""The states of a workspace and the ways between them, in one place; every act is recorded once, by its operation id.

    pool ⇄ claiming → active ⇄ leaving → erased
                      active ⇄ asleep → erased

What was claimed and never opened goes back by being discarded: somebody may have been inside, and the next firm gets a clean
one. From `erased` nothing leads back: the state stands from the moment on which the erasure begins.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from crm_platform.kernel.errors import Conflict, NotFound
from crm_platform.kernel.permissions import Actor
from tenants.models import State, Workspace

from .models import Departure, Entry, Suspension

WAYS: dict[str, frozenset[str]] = {
    State.POOL: frozenset({State.CLAIMING}),
    State.CLAIMING: frozenset({State.ACTIVE, State.POOL}),
    State.ACTIVE: frozenset({State.LEAVING, State.ASLEEP}),
    State.LEAVING: frozenset({State.ACTIVE, State.ERASED}),
    State.ERASED: frozenset(),
    State.ASLEEP: frozenset({State.ACTIVE, State.ERASED}),
    State.SPARE: frozenset(),
}


class NoSuchWay(Conflict):
    """From how the workspace stands, nothing leads there."""

    code = "no_such_way"
    sentence = _("As the workspace stands now, this does not apply to it any more. Nothing was changed.")


class OtherOperation(Conflict):
    """An operation id is used for another act."""

    code = "other_operation"
    sentence = _("This very form was used for something else. Open the page anew.")


@dataclass(frozen=True, slots=True)
class By:
    """Who acts: a person of the workspace, the operator, billing, or the keeper."""

    kind: str
    name: str = ""
    pk: int | None = None

    @staticmethod
    def person(actor: Actor) -> By:
        """The person behind an actor."""
        return By("person", actor.name, actor.user_id)


OPERATOR, KEEPER = By("operator", "command line"), By("keeper", "keeper")


def locked(public_id: str, *, among: tuple[str, ...] = (State.ACTIVE, State.LEAVING)) -> Workspace:
    """The workspace, locked until the control unit ends; raises NotFound, or NoSuchWay in another state."""
    row = Workspace.objects.select_for_update().filter(public_id=public_id).first()
    if row is None:
        raise NotFound
    if row.state not in among:
        raise NoSuchWay(state=row.state)
    return row


def move(workspace: Workspace, to: str) -> str:
    """Put a locked workspace into another state; returns the one before. Raises NoSuchWay where no way leads there."""
    before = workspace.state
    if to not in WAYS[before]:
        raise NoSuchWay(state=before)
    workspace.state = to
    workspace.save(update_fields=["state"])
    return str(before)


def done_before(operation: uuid.UUID, *, kind: str) -> Entry | None:
    """The entry of an earlier call of the same operation; raises OtherOperation where it was for another act."""
    made = Entry.objects.select_related("workspace").filter(operation=operation).first()
    if made is not None and made.kind != kind:
        raise OtherOperation
    return made


def record(
    workspace: Workspace, kind: str, *, by: By, operation: uuid.UUID, reason: str = "", before: str = "", tell: dict[str, Any] | None = None
) -> Entry:
    """Write the act down. `tell` is what the workspace's journal says (`before`, `after`); its access goes along. None: nobody is to be told."""
    body = {} if tell is None else {"event": tell, "access": values_of(workspace)}
    entry = Entry(
        operation=operation, workspace=workspace, kind=kind, before=before, after=workspace.state, by_kind=by.kind, by_id=by.pk, by_name=by.name[:200], reason=reason, body=body
    )
    if tell is None:
        entry.told_at = entry.at
    entry.save(force_insert=True)
    return entry


def values_of(workspace: Workspace) -> dict[str, Any]:
    """What `workspace_state` is told of the workspace's life, JSON-able. Inside a control unit."""
    suspension = Suspension.objects.filter(workspace=workspace).first()
    departure = Departure.objects.filter(workspace=workspace).first() if workspace.state == State.LEAVING else None
    return {
        "suspended": suspension is not None,
        "suspended_level": suspension.level if suspension else "",
        "suspended_reason": suspension.reason if suspension else "",
        "suspended_until": suspension.until.isoformat() if suspension and suspension.until else None,
        "erases_at": departure.erases_at.isoformat() if departure else None,
    }
