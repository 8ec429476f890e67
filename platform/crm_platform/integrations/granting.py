"""A person lets an integration in: the question is put by `asking`, the answer is a code that works once, for 20 minutes."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _

from crm_platform.accounts import tokens
from crm_platform.accounts.actors import actor_of
from crm_platform.accounts.models import User
from crm_platform.events.backbone import emit
from crm_platform.kernel import clock, ids
from crm_platform.kernel.errors import Forbidden, Invalid
from crm_platform.kernel.permissions import Actor

from . import naming, services
from .models import Grant, Integration, Kind

CODE_FOR = timedelta(minutes=20)


class UnknownIntegration(Invalid):
    """What asks is none of ours; nobody is sent anywhere."""

    code = "unknown_integration"
    sentence = _("The program that sent you here is not known in this workspace, is paused, or was revoked. Nothing was given to it.")


class WrongReturn(Invalid):
    """It wants the answer at an address that is not its own."""

    code = "wrong_return"
    sentence = _("The program wants the answer sent to an address that is not the one written down here. Nothing was given to it.")


class MayNotGive(Forbidden):
    """Whoever only looks has nothing that a program could work with."""

    code = "may_not_give"
    sentence = _("Your access only lets you look, so you cannot let a program work in your name. Ask an administrator.")


def asking(client_id: str, *, redirect_uri: str = "") -> Integration:
    """The integration that asks; raises UnknownIntegration, WrongReturn."""
    try:
        wanted = uuid.UUID(client_id)
    except ValueError:
        raise UnknownIntegration from None
    found = Integration.objects.filter(client_id=wanted, revoked_at=None, paused_at=None).first()
    if found is None:
        raise UnknownIntegration
    if not found.redirect_uri or (redirect_uri and redirect_uri != found.redirect_uri):
        raise WrongReturn
    return found


def give(actor: Actor, integration: Integration) -> str:
    """The person says yes; returns the code."""
    uid = ids.random_id(20)
    code = naming.credential(uid, secrets.token_urlsafe(48))
    keep(actor, integration, uid=uid, code=code, scopes=integration.scopes)
    return code


def keep(actor: Actor, integration: Integration, *, uid: str, code: str, scopes: Sequence[str], **told: Any) -> Grant:
    """What the actor gives, with a code that is good for 20 minutes; it is announced with what else is `told`. Raises MayNotGive."""
    if actor.view_only:
        raise MayNotGive
    person, now = services.person_of(actor), clock.real_now()
    _forget_unused(integration)
    grant = Grant.objects.create(
        integration=integration, person=person, uid=uid, scopes=list(scopes), by_administrator=person.role.everything,
        redirect_uri=integration.redirect_uri, code_digest=tokens.digest(code), code_until=now + CODE_FOR,
    )  # fmt: skip
    after = {"name": integration.name, "scopes": grant.scopes, "administrator": grant.by_administrator, **told}
    emit(actor, "integration.granted", entity="integration", record_id=integration.pk, after=after)
    return grant


def begin(person: User, *, name: str, redirect_uri: str) -> tuple[Integration, str, str]:
    """An integration of the firm's own with everything it may reach, let in by the person at once: with its secret and a code for its first token.

    What one presses in the settings and on the page of consent, for who sets a program up from the command line.
    """
    actor = actor_of(person)
    made, secret = services.make(actor, name=name, redirect_uri=redirect_uri, kind=Kind.PRIVATE, scopes=tuple(tokens.SCOPES))
    return made, secret, give(actor, made)


def refuse(actor: Actor, integration: Integration) -> None:
    """The person says no."""
    emit(actor, "integration.refused", entity="integration", record_id=integration.pk, after={"name": integration.name})


def _forget_unused(integration: Integration) -> None:
    """Codes that nobody fetched a token with."""
    Grant.objects.filter(integration=integration, code_used_at=None, code_until__lt=clock.real_now() - timedelta(days=1)).delete()
