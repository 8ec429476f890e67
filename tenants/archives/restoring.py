"""A workspace from an archive: claimed, filled, compared, opened; whatever goes wrong, nothing of it stays."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from django.conf import settings

from crm_platform.accounts import returning
from crm_platform.accounts.models import Access
from crm_platform.db import sides
from crm_platform.events.backbone import emit
from crm_platform.kernel import clock, gates
from crm_platform.kernel.files import folder_of
from crm_platform.kernel.permissions import robot
from crm_platform.kernel.points import reached
from tenants import claiming, creating
from tenants.carrying.tables import Sum
from tenants.creating import Wish
from tenants.models import Signup, TemplateScript, Workspace
from tenants.provisioning import owner, pool, template
from tenants.rollout import replay

from . import checking, loading, pulse
from .checking import Given

ROBOT = robot("restore")


@dataclass(frozen=True, slots=True)
class Restored:
    """What came of it: `over` names the limits of the plan that the workspace is over now."""

    workspace: Workspace
    rows: dict[str, Sum]
    files: int
    missing: int
    letters: int
    over: dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Preview:
    """Whose an archive is, before anything is made of it: `letters` goes to so many people; `stranger`, the owner wished for is none of them."""

    firm: str
    url: str
    made_at: str
    letters: int
    stranger: bool


def preview(path: Path, *, email: str = "") -> Preview:
    """Look into an archive; nothing is changed. Raises what refusals.py lists."""
    with checking.opened(path) as given:
        told = given.content["workspace"]
        let_in = {row["email"].lower() for row in given.rows("person") if row.get("email") and row.get("access") in (Access.ACTIVE, Access.INVITED)}
        wished = email.strip().lower()
        return Preview(told["name"], str(told.get("url", "")), given.content["made_at"], len(let_in), bool(wished) and wished not in let_in)


def restore(path: Path, *, slug: str, email: str = "", plan: str = "trial") -> Restored:
    """Make a workspace of an archive under an address. Opens units of its own on both sides; needs the owner's login.

    Raises AddressRefused, Invalid (an e-mail without sense), NotTheKeeper and all of refusals.py; nothing is left then.
    """
    with checking.opened(path) as given:
        wish = _wish(given, slug=slug, email=email, plan=plan)
        operation = uuid.uuid4()
        creating.check(wish)
        creating.check_free(slug, firm=wish.firm, operation=operation)
        loading.check_room(given)
        given.read_through()
        workspace = _claimed(given, wish, operation=operation)
        reached("restore.claimed")
        try:
            with alive(operation) as check:
                return _bring_in(given, workspace, wish, operation=operation, email=email, check=check)
        except BaseException:
            undo(workspace, operation=operation)
            raise


def _wish(given: Given, *, slug: str, email: str, plan: str) -> Wish:
    told = given.content["workspace"]
    language = told["language"] if told["language"] in dict(settings.LANGUAGES) else "en"
    # The sign-up's own check wants an address; people are in the archive, so any will do where none is given.
    return Wish(firm=told["name"][:200] or slug, slug=slug, email=email or "nobody@example.com", password="", language=language, plan=plan)


def _claimed(given: Given, wish: Wish, *, operation: uuid.UUID) -> Workspace:
    """A ready schema of this version; of the archive's own where we know that and it is another."""
    if not owner.held():
        raise owner.NotTheKeeper
    workspace, _fresh = creating.claim(wish, operation=operation, take=taker(given))
    return workspace


def taker(given: Given, *, cell: str = "") -> Callable[[], Workspace | None]:
    """How to come by an empty schema for the archive (in a database, or where there is most room): from the pool, or made in an older shape."""
    older = _older_script(given)
    if older is None and not cell:
        return pool.claim
    name = pool.make(older or template.current(), cell=cell or owner.FIRST)
    reached("restore.shaped")
    return lambda: pool.take(name)


def _older_script(given: Given) -> TemplateScript | None:
    migrations = sorted(given.content["schema"]["migrations"])
    if set(migrations) == template.names():
        return None
    with sides.control_unit():
        return TemplateScript.objects.filter(migrations=migrations).order_by("-created_at").first()


@contextmanager
def alive(operation: uuid.UUID) -> Iterator[pulse.Check]:
    """While the block runs, the keeper does not take its workspace for one whose maker was killed."""

    def beat() -> None:
        with sides.control_unit():
            Signup.objects.filter(pk=operation).update(started_at=clock.real_now())

    with pulse.beating(beat, every=20) as check:
        yield check


def fill(given: Given, workspace: Workspace, *, check: pulse.Check) -> dict[str, Sum]:
    """The rows, compared, in the shape of this version. Raises what refusals.py lists."""
    place = workspace.place
    amounts = loading.rows(given, schema=place.schema, cell=place.alias, prefix=f"{place.public_id}/{place.generation}/", check=check)
    reached("restore.rows")
    if set(given.content["schema"]["migrations"]) != template.names() and workspace.template_version != template.fingerprint():
        replay.bring_alone(workspace)
    return amounts


def _bring_in(given: Given, workspace: Workspace, wish: Wish, *, operation: uuid.UUID, email: str, check: pulse.Check) -> Restored:
    place = workspace.place
    amounts = fill(given, workspace, check=check)
    count = loading.files(given, folder_of(place), check=check)
    reached("restore.files")
    claimed = creating.facts(wish, workspace=workspace, operation=operation, hashed="")
    with sides.unit(place):
        claiming.fill_returned(claimed)
        people = returning.welcome_back(email, language=wish.language)
        told = {"from": given.content["workspace"]["slug"], "made_at": given.content["made_at"], "rows": sum(one.rows for one in amounts.values()), "files": count}
        emit(ROBOT, "workspace.restored", entity="workspace", record_id=None, after=told, also=["workspace:1"])
        over = {metric: {"used": one.used, "limit": one.limit} for metric, one in gates.overview().items() if one.limit is not None and one.used > one.limit}
        reached("restore.filling")
    reached("restore.filled")
    opened = creating.open_up(replace(claimed, email=people[0]), operation=operation, people=people)
    return Restored(opened, amounts, count, given.content["files"]["missing"], len(people), over)


def undo(workspace: Workspace, *, operation: uuid.UUID) -> None:
    """Nothing of it stays: address, schema, files."""
    creating.give_back(workspace, operation=operation)
    pool.discard(workspace)
