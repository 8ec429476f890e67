"""Another address for a workspace. The old one stays its own for twelve months and leads to the new one; it can be taken back any time."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from crm_platform.db import sides
from crm_platform.kernel import clock
from crm_platform.kernel.errors import Conflict
from crm_platform.kernel.permissions import Actor, require
from tenants import routing
from tenants.creating import taken
from tenants.models import Domain, State, Workspace
from tenants.reserved import AddressRefused, appearance, check_address

from . import states
from .access import day
from .models import Entry
from .permissions import WORKSPACE
from .states import By

KEPT = timedelta(days=365)
# Addresses that only lead on are taken from all others: few of them, and not changed like a shirt.
MOST_KEPT, MOST, WITHIN = 5, 3, timedelta(days=30)


class RenamedTooOften(Conflict):
    """The address was changed so often lately that those who know it would lose it."""

    code = "renamed_too_often"
    sentence = _("The address was changed {most} times within 30 days. Old addresses can be taken back at once; a new one can be had again on {day}.")


class KeepsTooMany(Conflict):
    """The workspace keeps as many old addresses as one may."""

    code = "keeps_too_many"
    sentence = _("The workspace keeps {most} old addresses already. Take one of them back, or wait until one falls free on {day}.")


def rename_by(actor: Actor, public_id: str, *, to: str, operation: uuid.UUID) -> Entry:
    """A person of the firm changes the address. Raises Forbidden, ReadOnly, AddressRefused, RenamedTooOften, KeepsTooMany, NoSuchWay."""
    require(actor, WORKSPACE.right("edit"))
    return rename(public_id, to=to, by=By.person(actor), operation=operation, limited=True)


def rename(public_id: str, *, to: str, by: By, operation: uuid.UUID, limited: bool = False) -> Entry:
    """Give the workspace another address, once per operation; `limited` holds the people's limits. Opens a control unit; the caller tells the workspace."""
    check_address(to)
    with sides.control_unit():
        made = states.done_before(operation, kind="renamed")
        if made is not None:
            return made
        row = states.locked(public_id, among=(State.ACTIVE,))
        before = row.slug or ""
        if before == to:
            raise AddressRefused(fields={"slug": [_("This is the workspace’s address already.")]})
        back = Domain.objects.filter(tenant=row, domain=to).first()
        if back is None:
            _refuse_taken(row, to)
            if limited:
                _hold_limits(row)
        _put(row, to, back=back)
        told = {"before": {"name": before}, "after": {"name": to}}
        entry = states.record(row, "renamed", by=by, operation=operation, reason="back" if back else "", before=row.state, tell=told)
    routing.forget(before)
    routing.forget(to)
    return entry


def renamed_by(operation: uuid.UUID) -> Entry | None:
    """The entry of an earlier call of the same operation. Raises OtherOperation. Opens a control unit."""
    with sides.control_unit():
        return states.done_before(operation, kind="renamed")


def _refuse_taken(row: Workspace, to: str) -> None:
    Domain.alone_with(appearance(to))
    if Domain.appearances([appearance(to)], besides=row):
        raise taken(to, firm=row.name)


def _hold_limits(row: Workspace) -> None:
    now = clock.now()
    changes = list(Entry.objects.filter(workspace=row, kind="renamed", by_kind="person", reason="", at__gt=now - WITHIN).values_list("at", flat=True))
    if len(changes) >= MOST:
        raise RenamedTooOften(most=MOST, day=day(changes[-MOST] + WITHIN))
    kept = [retired for retired in old_addresses(row).values_list("retired_at", flat=True) if retired]
    if len(kept) >= MOST_KEPT:
        raise KeepsTooMany(most=MOST_KEPT, day=day(min(kept) + KEPT))


def _put(row: Workspace, to: str, *, back: Domain | None) -> None:
    """The present label steps back, the new one (or one of its own old ones) stands in front. Whoever comes second at once is refused by the table."""
    Domain.objects.filter(tenant=row, domain=row.slug).update(is_primary=False, retired_at=clock.now())
    row.slug = to
    try:
        with transaction.atomic("control"):
            if back is None:
                Domain.objects.create(domain=to, tenant=row, is_primary=True)
            else:
                Domain.objects.filter(pk=back.pk).update(is_primary=True, retired_at=None)
            row.save(update_fields=["slug"])
    except IntegrityError:
        raise taken(to, firm=row.name) from None


def old_addresses(row: Workspace) -> QuerySet[Domain]:
    """The labels that lead to the present one, the newest first. Inside a control unit."""
    found: QuerySet[Domain] = Domain.objects.filter(tenant=row, is_primary=False, retired_at__isnull=False).order_by("-retired_at")
    return found


def free_old() -> int:
    """Let old addresses go whose twelve months are over; returns how many."""
    with sides.control_unit():
        over = Domain.objects.filter(is_primary=False, retired_at__lt=clock.now() - KEPT)
        labels = list(over.values_list("domain", flat=True))
        over.delete()
    for label in labels:
        routing.forget(label)
    return len(labels)
