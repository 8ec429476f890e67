"""A sign-up: the web process dies. Sent again, the form finds its workspace, finished once; sent by nobody, it leaves the address free."""

from __future__ import annotations

import uuid

from crm_platform.accounts.models import User
from crm_platform.db import sides
from crm_platform.events.models import Event
from tenants import creating
from tenants.models import Domain, Signup, State, Workspace
from tenants.provisioning import pool

from . import firms, whole
from .firms import Facts

POINTS = ("signup.claimed", "signup.filling", "signup.filled", "signup.opening", "signup.opened")
# From here on it is open, whoever heard of it.
OPEN = ("signup.opened",)


def prepare(point: str) -> Facts:
    """A filled-in form."""
    pool.fill(to=1)
    return {"point": point, "slug": firms.wish().slug, "operation": str(uuid.uuid4())}


def work(given: Facts) -> int:
    """The web process makes the workspace of the form."""
    return creating.create_workspace(firms.wish(given["slug"]), operation=uuid.UUID(given["operation"])).pk


def after(given: Facts) -> None:
    """The same form is sent again: one workspace, with one owner, one pipeline, one opening."""
    row = creating.create_workspace(firms.wish(given["slug"]), operation=uuid.UUID(given["operation"]))
    whole.keep()
    with sides.control_unit():
        assert [found.pk for found in Workspace.objects.filter(slug=given["slug"])] == [row.pk]
        assert Domain.objects.filter(domain=given["slug"]).count() == 1
        assert Signup.objects.get(workspace=row).finished_at is not None
        row.refresh_from_db()
    assert row.state == State.ACTIVE
    other = firms.made(furnished=False)
    firms.opens(row)
    with sides.unit(row.place):
        mine = (User.objects.count(), Event.objects.count())
    with sides.unit(other.place):
        assert mine == (User.objects.count(), Event.objects.count()), mine
    counts = [{name: amount[0] for name, amount in firms.held(one, besides=("django_session",)).items()} for one in (row, other)]
    assert counts[0] == counts[1], counts


def nobody(given: Facts) -> None:
    """Nobody sends it again: open it stays, else the address is another firm's to take and nothing is left."""
    firms.writes_to_nobody(given["slug"])
    whole.keep()
    if given["point"] in OPEN:
        with sides.control_unit():
            firms.opens(Workspace.objects.get(slug=given["slug"], state=State.ACTIVE))
        return
    with sides.control_unit():
        assert not Workspace.objects.filter(slug=given["slug"]).exists()
        assert not Signup.objects.filter(pk=given["operation"]).exists()
    made = creating.create_workspace(firms.wish(given["slug"]))
    firms.opens(made)
