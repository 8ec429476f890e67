"""Addresses of a firm's own: wished for, proved by a record in the firm's own name servers, looked after daily, given up.

Several workspaces may wish for one host; who proves it has it. A TXT record with the wish's own token always proves; a CNAME
to the workspace's address proves too, unless another workspace has had the host, since such a record may be an old one.
"""

from __future__ import annotations

import hashlib
import secrets
import uuid
from datetime import timedelta

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from crm_platform.db import sides
from crm_platform.kernel import clock, jobs
from crm_platform.kernel.errors import Conflict, NotFound
from crm_platform.kernel.permissions import Actor, require
from tenants import routing
from tenants.models import Domain, State, Workspace

from . import states
from .models import PROVED, Entry, FormerHost, HostState, OwnHost
from .naming import HostRefused, normalised
from .permissions import WORKSPACE
from .states import By

MOST = 5
EVERY, GRACE = timedelta(days=1), timedelta(days=3)
# A fresh wish is looked at more often: people set the records and wait.
WHILE_WAITING = timedelta(minutes=15)
PREFIX = "_kartoteka"


class TooManyHosts(Conflict):
    """The workspace has as many addresses of its own as one may."""

    code = "too_many_hosts"
    sentence = _("A workspace has at most {most} addresses of its own. Remove one first.")


def hosts_of(public_id: str) -> list[OwnHost]:
    """All of a workspace. Opens a control unit."""
    with sides.control_unit():
        return list(OwnHost.objects.filter(workspace__public_id=public_id))


def find(public_id: str, pk: int) -> OwnHost:
    """One of a workspace; raises NotFound. Opens a control unit."""
    with sides.control_unit():
        found = OwnHost.objects.filter(workspace__public_id=public_id, pk=pk).first()
    if found is None:
        raise NotFound
    return found


def add_by(actor: Actor, public_id: str, *, typed: str, operation: uuid.UUID) -> Entry:
    """Wish for a host. Raises Forbidden, ReadOnly, HostRefused, TooManyHosts, NoSuchWay."""
    require(actor, WORKSPACE.right("edit"))
    host = normalised(typed)
    with sides.control_unit():
        made = states.done_before(operation, kind="host_added")
        if made is not None:
            return made
        row = states.locked(public_id, among=(State.ACTIVE,))
        mine = OwnHost.objects.filter(workspace=row)
        if mine.filter(host=host).exists():
            raise HostRefused(fields={"host": [_("This address is in your list already.")]})
        if OwnHost.objects.filter(host=host, state__in=PROVED).exclude(workspace=row).exists():
            raise HostRefused(fields={"host": [_("Another workspace uses this address. If it is yours, let it be removed there first.")]})
        if mine.count() >= MOST:
            raise TooManyHosts(most=MOST)
        wish = OwnHost.objects.create(workspace=row, host=host, token=secrets.token_hex(16), next_check_at=clock.now() + WHILE_WAITING)
        return states.record(row, "host_added", by=By.person(actor), operation=operation, before=row.state, tell={"before": {}, "after": {"name": wish.host}})


def remove_by(actor: Actor, public_id: str, pk: int, *, operation: uuid.UUID) -> Entry:
    """Give a host up: it leads here no more. Raises Forbidden, ReadOnly, NotFound, NoSuchWay."""
    require(actor, WORKSPACE.right("edit"))
    with sides.control_unit():
        made = states.done_before(operation, kind="host_removed")
        if made is not None:
            return made
        row = states.locked(public_id, among=(State.ACTIVE,))
        wish = OwnHost.objects.filter(workspace=row, pk=pk).first()
        if wish is None:
            raise NotFound
        _unroute([wish])
        wish.delete()
        entry = states.record(row, "host_removed", by=By.person(actor), operation=operation, before=row.state, tell={"before": {"name": wish.host}, "after": {}})
    routing.forget(wish.host)
    return entry


def check_soon(actor: Actor, public_id: str, pk: int) -> None:
    """Let the records be looked at now, by a worker. Raises Forbidden, ReadOnly, NotFound."""
    require(actor, WORKSPACE.right("edit"))
    wish = find(public_id, pk)
    with sides.control_unit():
        OwnHost.objects.filter(pk=wish.pk).update(next_check_at=clock.now())
        jobs.later("lifecycle.check_host", wish.pk, key=f"host-{wish.pk}")


def let_go(row: Workspace) -> None:
    """A leaving workspace's hosts lead here no more and must be proved anew, so that nothing of them can be taken over. Inside a control unit."""
    wishes = list(OwnHost.objects.filter(workspace=row))
    _unroute(wishes)
    OwnHost.objects.filter(workspace=row).update(state=HostState.PENDING, failing_since=None, next_check_at=None)


def ask_again(row: Workspace) -> None:
    """The workspace came back: its hosts are looked at soon. Inside a control unit."""
    OwnHost.objects.filter(workspace=row).update(next_check_at=clock.now())


def forget_all(row: Workspace) -> None:
    """An erased workspace's hosts: only digests remain. Inside a control unit."""
    _unroute(list(OwnHost.objects.filter(workspace=row)))
    OwnHost.objects.filter(workspace=row).delete()


def _unroute(wishes: list[OwnHost]) -> None:
    proved = [wish for wish in wishes if wish.good_at is not None]
    FormerHost.objects.bulk_create([FormerHost(digest=digest(wish.host)) for wish in proved], ignore_conflicts=True)
    for wish in wishes:
        Domain.objects.filter(domain=wish.host, tenant_id=wish.workspace_id).delete()
        routing.forget(wish.host)


def digest(host: str) -> str:
    """What is kept of a host that a workspace had."""
    return hashlib.sha256(f"host:{host}:{settings.SECRET_KEY}".encode()).hexdigest()


def record_name(host: str) -> str:
    """The name of the TXT record."""
    return f"{PREFIX}.{host}"
