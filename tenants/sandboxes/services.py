"""Verbs of test workspaces, on the control side: make one, end those whose time is over, and say whether one is."""

from __future__ import annotations

import logging
import uuid
from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from crm_platform.db import sides
from crm_platform.kernel import clock, ids
from crm_platform.kernel.errors import Conflict, CrmError, TooMany
from tenants.creating import Wish, create_workspace
from tenants.lifecycle import leaving, states
from tenants.models import State, Workspace
from tenants.sleeping import asking

from .models import Sandbox

_log = logging.getLogger("kartoteka.sandboxes")
LIFE, PUT_AWAY_FOR = timedelta(days=30), timedelta(days=7)
# Of one person at a time, and asked for in a day.
MOST, MOST_A_DAY = 3, 5
EVERY = 600.0
DAY = timedelta(days=1)
PLAN = "free"


class TooManySandboxes(Conflict):
    """Whoever needs another lets one go first."""

    code = "too_many_test_workspaces"
    sentence = _("You have {most} test workspaces already. Each goes by itself after 30 days; let one go in its settings to have another.")


class NoneOfATest(Conflict):
    """A chain of them would never end."""

    code = "test_of_a_test"
    sentence = _("This is a test workspace itself. Ask for another in the workspace where you asked for this one.")


class OnlyATest(Conflict):
    """A test workspace costs nothing, and buys nothing."""

    code = "test_workspace"
    sentence = _("This is a test workspace: it is never billed, so nothing can be bought here. Make a workspace of your firm to choose a plan.")


def make(public_id: str, *, person: int, wish: Wish) -> Sandbox:
    """A new workspace, marked as a test and free of charge. Opens units of its own. Raises TooManySandboxes, TooMany, NoneOfATest, NoneReady.

    It is counted before it is made, so that no number of questions at once makes more; what could not be made stops counting in an hour.
    """
    row = _reserve(public_id, person=person)
    try:
        made = create_workspace(wish, operation=row.operation)
    except Exception:
        with sides.control_unit():
            Sandbox.objects.filter(pk=row.pk).update(ended_at=clock.now())
        raise
    with sides.control_unit():
        row.workspace = made
        row.save(update_fields=["workspace"])
    return row


def _reserve(public_id: str, *, person: int) -> Sandbox:
    with sides.control_unit():
        home = Workspace.objects.select_for_update().get(public_id=public_id)
        if Sandbox.objects.filter(workspace=home).exists():
            raise NoneOfATest
        mine, now = Sandbox.objects.filter(asked_in=home, asked_by=person), clock.now()
        if mine.filter(ended_at=None).exclude(workspace=None, asked_at__lt=now - timedelta(hours=1)).count() >= MOST:
            raise TooManySandboxes(most=MOST)
        today = list(mine.filter(asked_at__gt=now - DAY).order_by("asked_at").values_list("asked_at", flat=True))
        if len(today) >= MOST_A_DAY:
            raise TooMany(retry_after=int((today[0] + DAY - now).total_seconds()) + 1)
        made: Sandbox = Sandbox.objects.create(operation=uuid.uuid4(), asked_in=home, asked_by=person, asked_at=now, ends_at=now + LIFE)
        return made


def fresh_slug() -> str:
    """An address that says what it is."""
    return f"test-{ids.random_id(10)}"


def end_due() -> None:
    """Let those go whose time is over: they can be looked at for a week, then they are erased as any workspace that leaves. One that is asleep is woken for it, and goes the next time. Opens units of its own."""
    with sides.control_unit():
        due = list(Sandbox.objects.select_related("workspace").filter(ended_at=None, ends_at__lte=clock.now())[:50])
    for row in due:
        if row.workspace is not None:
            if row.workspace.state == State.ASLEEP:
                asking.ask(row.workspace.public_id)
                continue
            try:
                leaving.leave(
                    row.workspace.public_id, by=states.KEEPER, reason="test workspace", operation=uuid.uuid5(row.operation, "ended"),
                    erases_at=clock.now() + PUT_AWAY_FOR,
                )  # fmt: skip
            except CrmError as refusal:  # it was let go by hand, or is gone
                _log.info("a test workspace does not leave", extra={"workspace": row.workspace.public_id, "refusal": refusal.code})
        with sides.control_unit():
            Sandbox.objects.filter(pk=row.pk).update(ended_at=clock.now())


def refuse_money(public_id: str) -> None:
    """Raise OnlyATest in a test workspace. Inside a control unit."""
    if Sandbox.objects.filter(workspace__public_id=public_id).exists():
        raise OnlyATest
