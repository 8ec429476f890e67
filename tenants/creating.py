"""From a name to an active workspace: claim, fill, open. Used by sign-up and by the command line."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from crm_platform.db import sides
from crm_platform.kernel import clock
from crm_platform.kernel.errors import Unavailable

from . import claiming, routing
from .claiming import WorkspaceClaimed
from .mailindex import remember
from .models import Domain, Signup, State, Workspace
from .provisioning import owner, pool
from .reserved import AddressRefused, check_address
from .suggesting import free_addresses


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a founder asks for. `password` in clear; empty means a person who sets it by mail."""

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


class NoneReady(Unavailable):
    """The pool is empty and this process may not make more."""

    code = "no_workspace_ready"
    sentence = _("So many firms are signing up that yours needs a few more seconds. Send the form again; nothing you typed is lost.")


def create_workspace(wish: Wish, *, operation: uuid.UUID | None = None) -> Workspace:
    """Make a firm's workspace, once per `operation`: a replay returns the one made before.

    Opens units of its own on both sides, so it must not run inside another. Raises AddressRefused for a reserved,
    malformed or taken address, NoneReady when no schema is ready.
    """
    operation = operation or uuid.uuid4()
    check_address(wish.slug)
    hashed = make_password(wish.password or None)  # before the claim: hashing takes most of the time
    workspace, fresh = _claim(wish, operation=operation)
    if not fresh and workspace.state == State.ACTIVE:
        return workspace
    claimed = _facts(wish, workspace=workspace, operation=operation, hashed=hashed)
    with sides.unit(workspace.place):
        claiming.fill_inside(claimed)
    return _open(claimed, operation=operation)


def _facts(wish: Wish, *, workspace: Workspace, operation: uuid.UUID, hashed: str) -> WorkspaceClaimed:
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
    )


def _claim(wish: Wish, *, operation: uuid.UUID) -> tuple[Workspace, bool]:
    with sides.control_unit():
        made_before = Signup.objects.select_related("workspace").filter(pk=operation).first()
        if made_before and made_before.workspace:
            return made_before.workspace, False
        workspace = pool.claim()
        if workspace is not None:
            return _name(workspace, wish, operation=operation), True
    # Beyond the pool it still works, only slower, where this process may make schemas (the keeper refills it elsewhere).
    if not owner.held():
        raise NoneReady
    pool.fill(to=1)
    return _claim(wish, operation=operation)


def _name(workspace: Workspace, wish: Wish, *, operation: uuid.UUID) -> Workspace:
    workspace.slug, workspace.name, workspace.claimed_at = wish.slug, wish.firm, clock.real_now()
    try:
        with transaction.atomic("control"):
            Domain.objects.create(domain=wish.slug, tenant=workspace, is_primary=True)
            workspace.save(update_fields=["slug", "name", "claimed_at"])
    except IntegrityError:
        raise taken(wish.slug, firm=wish.firm) from None
    Signup.objects.create(operation=operation, workspace=workspace, slug=wish.slug)
    return workspace


def taken(slug: str, *, firm: str) -> AddressRefused:
    """The refusal of a taken address, with free ones to choose from."""
    free = free_addresses(firm, wished=slug)
    sentence = _("“{slug}” belongs to another firm. These are free: {free}")
    return AddressRefused(fields={"slug": [str(sentence).format(slug=slug, free=", ".join(free))]}, free=free)


def _open(claimed: WorkspaceClaimed, *, operation: uuid.UUID) -> Workspace:
    with sides.control_unit():
        claiming.fill_control(claimed)
        workspace = Workspace.objects.select_for_update().get(public_id=claimed.place.public_id)
        workspace.state = State.ACTIVE
        workspace.save(update_fields=["state"])
        remember(claimed.email, workspace=workspace)
        Signup.objects.filter(pk=operation).update(finished_at=clock.real_now())
    routing.forget(workspace.slug)
    return workspace
