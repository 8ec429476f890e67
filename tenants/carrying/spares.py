"""Making, exchanging and dropping spare schemas; the registry knows each of them, so that none is ever lost."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q

from crm_platform.db.sides import control_unit
from crm_platform.kernel import clock
from crm_platform.kernel.errors import CrmError
from tenants.models import Beside, BesideStep, State, TemplateScript, Workspace
from tenants.provisioning import owner, pool, template
from tenants.rounds import Rounds

from . import turns
from .models import Spare, Use

# A spare that was made and never noted is a killed process's.
UNNOTED_AFTER = timedelta(minutes=2)
_dropping = Rounds("drop spare schemas", most=5)


class NotServed(CrmError):
    """The workspace is not in the state that the work needs."""

    code, status = "workspace_not_active", 409
    sentence = "The workspace {slug} is {state}; this needs an active one."


def make(workspace: Workspace, *, cell: str, use: Use = Use.FILLING, drop_at: datetime | None = None, script: TemplateScript | None = None) -> Workspace:
    """An empty schema for the workspace, in a database, of this release or of the script's; its registry row is returned. Needs the owner's login of it."""
    name = pool.make(script or template.current(), cell=cell, state=State.SPARE)
    with control_unit():
        row = Workspace.objects.get(schema_name=name)
        Spare.objects.create(schema=row, owner=workspace, use=use, drop_at=drop_at)
    return row


def exchange(workspace: Workspace, spare: Workspace, *, use: Use, drop_at: datetime | None) -> Workspace:
    """The workspace lives in the spare's schema from now on, the spare row keeps its old one. Inside a control unit.

    Raises NotServed where the workspace has left its state meanwhile: both rows are locked and read again.
    """
    rows = {row.pk: row for row in Workspace.objects.select_for_update().filter(pk__in=(workspace.pk, spare.pk)).order_by("pk")}
    mine, other = rows[workspace.pk], rows[spare.pk]
    if mine.state not in (State.ACTIVE, State.ASLEEP, State.LEAVING):
        raise NotServed(slug=mine.slug or mine.public_id, state=mine.state)
    before = mine.schema_name, mine.alias, mine.template_version
    after = other.schema_name, other.alias, other.template_version
    fields = ["schema_name", "alias", "template_version"]
    other.schema_name = f"{before[0]}+"  # the name is unique: out of the way first
    other.save(update_fields=["schema_name"])
    mine.schema_name, mine.alias, mine.template_version = after
    mine.save(update_fields=fields)
    other.schema_name, other.alias, other.template_version = before
    other.save(update_fields=fields)
    Spare.objects.filter(schema=other).update(use=use, drop_at=drop_at)
    return mine


def drop(spare: Workspace) -> None:
    """Drop a spare schema with its role and its row. Needs the owner's login."""
    with control_unit():
        row = Workspace.objects.filter(pk=spare.pk, state=State.SPARE).first()
    if row is not None:
        pool.discard(row)


def sweep() -> int:
    """Drop what nobody needs any more: past its day, of an erased workspace, or left by a killed process; returns how many."""
    now = clock.real_now()
    spare = Workspace.objects.filter(state=State.SPARE)
    # One that is being put back is what its workspace is about to live in, whoever began it, whenever it was made, and though its day has come meanwhile.
    stays = ~Q(pk__in=Beside.objects.filter(step=BesideStep.RETURNING, spare__isnull=False).values("spare"))
    over = Q(spare__drop_at__lt=now) & stays | Q(spare__owner__state=State.ERASED)
    filling = Q(spare__use=Use.FILLING, spare__made_at__lt=now - UNNOTED_AFTER, moves=None) & stays
    left = Q(spare=None, created_at__lt=now - UNNOTED_AFTER) | filling
    return _dropping.go(spare.filter(over | left).select_related("spare").order_by("pk"), _drop_if_alone)


def _drop_if_alone(row: Workspace) -> bool:
    noted = getattr(row, "spare", None)
    if noted is None:
        drop(row)
        return True
    with turns.turn(noted.owner_id) as mine:
        if mine:
            drop(row)
        return mine


def held(spare: Workspace) -> bool:
    """Whether its schema is there, as the registry says. Needs the owner's login."""
    with owner.seated(spare.alias):
        return owner.has_schema(spare.schema_name)
