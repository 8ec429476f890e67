"""A restore: the command dies. What was not opened is taken away by the keeper; what was opened is all there."""

from __future__ import annotations

import tempfile
from pathlib import Path

from crm_core.people.contacts.models import Contact
from crm_platform.accounts.models import User
from crm_platform.db import sides
from crm_platform.letters.models import Letter
from tenants.archives import restoring
from tenants.mailindex import workspaces_of
from tenants.models import State, Workspace
from tests.tenants import archive_kit

from . import firms, rolling_out, whole
from .firms import Facts

BEFORE = ("restore.claimed", "restore.compared", "restore.rows", "restore.file", "restore.files", "restore.filling", "restore.filled", "signup.opening")
POINTS = (*BEFORE, "signup.opened")
OLDER = ("restore.shaped", "rollout.piece", "rollout.python")


def prepare(point: str) -> Facts:
    """A firm's archive, and an address for it."""
    row = firms.made()
    path = archive_kit.make(row.place, Path(tempfile.mkdtemp(prefix="archive-")))
    return firms.facts(row, point=point, path=str(path), wished=firms.wish().slug)


def work(given: Facts) -> int:
    """The command restores it."""
    return restoring.restore(Path(given["path"]), slug=given["wished"]).workspace.pk


def work_tomorrow(given: Facts) -> int:
    """The command of tomorrow's release restores it."""
    with rolling_out.tomorrow():
        return work(given)


def after(given: Facts) -> None:
    """All of it or nothing; called again it finishes, where it is not finished already."""
    firms.writes_to_nobody(given["wished"])
    whole.keep()
    with sides.control_unit():
        row = Workspace.objects.filter(slug=given["wished"]).first()
    # Of a server that dies the last commit may have come through.
    if given["point"] in (*BEFORE, *OLDER) and not ("by_server" in given and row is not None):
        assert row is None, row
        whole.check()
        row = firms.now({"pk": work(given)})
    assert row is not None
    assert row.state == State.ACTIVE
    _all_of_it(given, row)
    firms.opens(row)


def _all_of_it(given: Facts, row: Workspace) -> None:
    counts = {name: amount[0] for name, amount in firms.held(row).items()}
    for name in ("contact", "company", "deal", "person", "attachment", "tag"):
        assert counts[name] == given["held"][name][0], (name, counts[name])
    sizes = [sorted(amount[0] for name, amount in held.items() if name.startswith("file ")) for held in (given["held"], firms.held(row))]
    assert sizes[0] == sizes[1], sizes
    with sides.unit(row.place):
        assert Contact.objects.count() == 2
        reached = set(Letter.objects.exclude(text="").values_list("to", flat=True))
        people = {str(email) for email in User.objects.exclude(email=None).exclude(access="none").values_list("email", flat=True)}
    assert {firms.EMAIL, "sam@veldhuis.example"} <= reached, reached
    with sides.control_unit():
        lost = [email for email in people & reached if row.pk not in {found.pk for found in workspaces_of(email)}]
    assert not lost, f"not found by their e-mail: {lost}"
