"""From a name to an active workspace: claim, fill, open. Used by sign-up and by the command line."""

from __future__ import annotations

import functools
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, InterfaceError, OperationalError, connections, transaction
from django.utils.translation import gettext_lazy as _

from crm_platform.db import sides
from crm_platform.jobs import broker
from crm_platform.kernel import clock
from crm_platform.kernel.errors import Conflict, Invalid, Unavailable
from crm_platform.kernel.points import reached

from . import calling, claiming, routing
from .claiming import WorkspaceClaimed
from .lifecycle import states
from .mailindex import remember
from .models import Domain, Signup, State, Workspace
from .provisioning import outage, owner, pool
from .reserved import AddressRefused, appearance, check_address
from .rounds import is_lost
from .suggesting import free_addresses

# Seconds a sign-up waits for the keeper when the pool is empty.
PATIENCE = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a founder asks for. `password` in clear; empty means a person who sets it by mail. `cell` is a database to prefer."""

    firm: str
    slug: str
    email: str
    password: str
    name: str = ""
    language: str = "en"
    time_zone: str = "UTC"
    currency: str = "EUR"
    country: str = ""
    plan: str = "trial"
    cell: str = ""


class NoneReady(Unavailable):
    """The pool is empty and this process may not make more."""

    code = "no_workspace_ready"
    sentence = _("So many firms are signing up that yours needs a few more seconds. Send the form again; nothing you typed is lost.")


class NoneAnswers(NoneReady):
    """No database of workspaces answers."""

    code = "no_database_answers"
    sentence = _("We cannot open a workspace at this moment: our database does not answer. Send the form again in a minute; nothing you typed is lost.")


class SentBefore(Conflict):
    """An operation that made another workspace is sent with other wishes."""

    code = "sent_before"
    sentence = _("This very form has made a workspace already. Open the page anew to make another.")


def create_workspace(wish: Wish, *, operation: uuid.UUID | None = None) -> Workspace:
    """`create_once` for those who need not know whether it was there."""
    return create_once(wish, operation=operation or uuid.uuid4())[0]


def create_once(wish: Wish, *, operation: uuid.UUID) -> tuple[Workspace, bool]:
    """Make a firm's workspace, once per `operation`; False beside it where an earlier call has made it: whoever sends a replay need not be its founder.

    Opens units of its own on both sides, so it must not run inside another. Raises Invalid for a wish without sense,
    AddressRefused for a reserved, malformed, taken or look-alike address, SentBefore, NoneReady when no schema is ready.
    What fails half-way is given back: the address is free at once, the schema goes with the keeper's next round.
    """
    check(wish)
    hashed = make_password(wish.password or None)  # before the claim: hashing takes most of the time
    workspace, fresh = claim(wish, operation=operation)
    if not fresh and workspace.state == State.ACTIVE:
        return workspace, False
    claimed = facts(wish, workspace=workspace, operation=operation, hashed=hashed)
    reached("signup.claimed")
    try:
        _fill(workspace, claimed)
        reached("signup.filled")
        return open_up(claimed, operation=operation), fresh
    except _Silent as silent:  # a firm that is not there yet need not live in a database that does not answer
        give_back(workspace, operation=operation)
        outage.note(workspace.alias)
        if workspace.alias not in outage.aliases():  # there is no other
            raise silent.error from None
        return create_once(wish, operation=operation)
    except Exception:
        give_back(workspace, operation=operation)
        raise


class _Silent(Exception):
    """The database of a workspace that was claimed just now does not answer."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        super().__init__()


def _fill(workspace: Workspace, claimed: WorkspaceClaimed) -> None:
    """What stands in a workspace before it is opened, in one unit of its own. Raises _Silent, too."""
    try:
        with sides.unit(workspace.place):
            claiming.fill_inside(claimed)
            reached("signup.filling")
    except (OperationalError, InterfaceError) as error:
        connections[workspace.alias].close()
        if is_lost(error):
            raise _Silent(error) from error
        raise


def check(wish: Wish) -> None:
    """Raise AddressRefused or Invalid for a wish without sense."""
    check_address(wish.slug)
    wrong: dict[str, list[str]] = {}
    if not wish.firm.strip():
        wrong["firm"] = [str(_("The firm needs a name."))]
    try:
        validate_email(wish.email)
    except ValidationError as error:
        wrong["email"] = [str(sentence) for sentence in error.messages]
    try:
        if wish.password:
            validate_password(wish.password)
    except ValidationError as error:
        wrong["password"] = [str(sentence) for sentence in error.messages]
    if wrong:
        raise Invalid(fields=wrong)


def give_back(workspace: Workspace, *, operation: uuid.UUID) -> None:
    """Free the address of what was claimed and not opened; the keeper takes the schema away."""
    with sides.control_unit():
        Signup.objects.filter(pk=operation, finished_at=None).delete()
        if Workspace.objects.filter(pk=workspace.pk, state=State.CLAIMING).update(slug=None):
            Domain.objects.filter(tenant=workspace).delete()
    routing.forget(workspace.slug)


def facts(wish: Wish, *, workspace: Workspace, operation: uuid.UUID, hashed: str) -> WorkspaceClaimed:
    """The wish as those who fill the workspace read it."""
    return WorkspaceClaimed(
        place=workspace.place,
        operation=str(operation),
        firm=wish.firm,
        email=wish.email,
        password=hashed,
        name=wish.name or wish.email.partition("@")[0],
        language=wish.language,
        time_zone=wish.time_zone,
        currency=wish.currency,
        country=wish.country,
        plan=wish.plan,
        at=clock.now(),
    )


def claim(wish: Wish, *, operation: uuid.UUID, take: Callable[[], Workspace | None] = pool.claim) -> tuple[Workspace, bool]:
    """Take a ready workspace and give it the address; False beside it where the operation has one already. Raises AddressRefused, NoneReady."""
    with sides.control_unit():
        made_before = Signup.objects.select_related("workspace").filter(pk=operation).first()
        if made_before and made_before.workspace:
            if made_before.slug != wish.slug:
                raise SentBefore
            return made_before.workspace, False
        workspace = pool.claim(cell=wish.cell) if take is pool.claim else take()
        if workspace is not None:
            transaction.on_commit(functools.partial(calling.call, calling.REFILL), using="control")
            return _name(workspace, wish, operation=operation), True
    # Beyond the pool it still works, only slower: who may makes one, who may not waits for the keeper's.
    if take is not pool.claim:
        raise NoneReady
    if not owner.held():
        _wait_for_one()
    else:
        pool.fill(to=1)
    return claim(wish, operation=operation)


def _wait_for_one() -> None:
    """Call the keeper and wait until something is ready to be claimed (another may be quicker). Raises NoneReady after PATIENCE, as NoneAnswers where no database does."""
    end = time.monotonic() + PATIENCE
    calling.call(calling.REFILL)
    while time.monotonic() < end:
        time.sleep(0.1)
        if pool.any_ready():
            return
    raise NoneReady if outage.any_answers() else NoneAnswers


def _name(workspace: Workspace, wish: Wish, *, operation: uuid.UUID) -> Workspace:
    workspace.slug, workspace.name, workspace.claimed_at = wish.slug, wish.firm, clock.real_now()
    Domain.alone_with(appearance(wish.slug))
    if Domain.appearances([appearance(wish.slug)]):
        raise taken(wish.slug, firm=wish.firm)
    try:
        with transaction.atomic("control"):
            Domain.objects.create(domain=wish.slug, tenant=workspace, is_primary=True)
            workspace.save(update_fields=["slug", "name", "claimed_at"])
    except IntegrityError:
        raise taken(wish.slug, firm=wish.firm) from None
    Signup.objects.update_or_create(operation=operation, defaults={"workspace": workspace, "slug": wish.slug, "started_at": clock.real_now(), "finished_at": None})
    return workspace


def check_free(slug: str, *, firm: str, operation: uuid.UUID) -> None:
    """Raise AddressRefused where somebody has the address or one that looks like it; a replay's own is no stranger's. Opens a control unit."""
    with sides.control_unit():
        mine = Signup.objects.filter(pk=operation, slug=slug).exists()
        if not mine and Domain.appearances([appearance(slug)]):
            raise taken(slug, firm=firm)


def made_lately(workspace: Workspace, *, within: timedelta) -> bool:
    """Whether its sign-up has finished so short a time ago. Opens a control unit."""
    with sides.control_unit():
        return Signup.objects.filter(workspace=workspace, finished_at__gt=clock.real_now() - within).exists()


def taken(slug: str, *, firm: str) -> AddressRefused:
    """The refusal of a taken address, with free ones to choose from."""
    free = free_addresses(firm, wished=slug)
    same = Domain.objects.filter(domain=slug).exists()
    sentence = _("“{slug}” belongs to another firm. These are free: {free}") if same else _("“{slug}” reads like another firm’s address. These are free: {free}")
    return AddressRefused(fields={"slug": [str(sentence).format(slug=slug, free=", ".join(free))]}, free=free)


def open_up(claimed: WorkspaceClaimed, *, operation: uuid.UUID, people: Iterable[str] = ()) -> Workspace:
    """The control side's part, and the doors open; `people` are the addresses of others who have come with it. Opens a control unit.

    Nothing that waits inside is done before: no letter leads to a workspace that is given back.
    """
    with sides.control_unit():
        claiming.fill_control(claimed)
        workspace = Workspace.objects.select_for_update().get(public_id=claimed.place.public_id)
        before = states.move(workspace, State.ACTIVE)
        states.record(workspace, "opened", by=states.By("person", claimed.name), operation=operation, before=before)
        for email in (claimed.email, *people):
            remember(email, workspace=workspace)
        Signup.objects.filter(pk=operation).update(finished_at=clock.real_now())
        reached("signup.opening")
    reached("signup.opened")
    routing.forget(workspace.slug)
    broker.wake(workspace.public_id, workspace.generation)
    return workspace
