"""Verbs of integrations, for those who may change the settings. Each checks, writes and announces, in the caller's unit of work."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _

from crm_platform.accounts import tokens
from crm_platform.accounts.models import ApiToken, User
from crm_platform.accounts.roles import SETTINGS
from crm_platform.events.backbone import emit
from crm_platform.kernel import clock
from crm_platform.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from crm_platform.kernel.permissions import Action, Actor, as_ever, may, require

from . import naming, returning
from .models import Grant, Integration, Kind

OLD_SECRET_FOR = timedelta(hours=24)
MOST = 100


class Revoked(Conflict):
    """Nothing brings a revoked integration back."""

    code = "integration_revoked"
    sentence = _("This integration was revoked for good. Make a new one.")


class TooManyIntegrations(Conflict):
    """A bound that no firm meets by working."""

    code = "too_many_integrations"
    sentence = _("A workspace holds {most} integrations. Revoke one that nobody uses.")


def may_manage(actor: Actor) -> bool:
    """Whether the actor sees and changes integrations at all."""
    return may(as_ever(actor), SETTINGS.right(Action.EDIT))


def require_manager(actor: Actor) -> None:
    """Raises Forbidden for whoever may not; looking is possible while the workspace is read-only."""
    require(as_ever(actor), SETTINGS.right(Action.EDIT))


def get(actor: Actor, pk: int, *, lock: bool = False) -> Integration:
    """An integration for one who manages them; raises Forbidden, NotFound."""
    require_manager(actor)
    rows = Integration.objects.select_for_update() if lock else Integration.objects.all()
    found = rows.filter(pk=pk).first()
    if found is None:
        raise NotFound
    return found


def _to_change(actor: Actor, pk: int, *, always: bool = False) -> Integration:
    """Locked, and not revoked. `always`: what stops a program or changes its secret goes on while the workspace is read-only."""
    require(as_ever(actor) if always else actor, SETTINGS.right(Action.EDIT))
    found = get(actor, pk, lock=True)
    if found.revoked_at is not None:
        raise Revoked
    return found


def make(actor: Actor, *, name: str, redirect_uri: str, kind: str, scopes: Sequence[str]) -> tuple[Integration, str]:
    """A new integration and its secret, which is shown once."""
    require(actor, SETTINGS.right(Action.EDIT))
    if Integration.objects.filter(revoked_at=None).count() >= MOST:
        raise TooManyIntegrations(most=MOST)
    secret = secrets.token_urlsafe(48)
    made = Integration.objects.create(
        **_checked(name, redirect_uri, kind, scopes), client_id=naming.new_client_id(), secret_digest=tokens.digest(secret), secret_hint=secret[-4:], created_by_id=actor.user_id
    )
    _tell(actor, "made", made, scopes=made.scopes)
    return made, secret


def change(actor: Actor, pk: int, *, name: str, redirect_uri: str, kind: str, scopes: Sequence[str]) -> Integration:
    """Another name, address or set of scopes; what was given keeps the scopes it was given with."""
    found, values = _to_change(actor, pk), _checked(name, redirect_uri, kind, scopes)
    before = {field: getattr(found, field) for field in values}
    if before == values:
        return found
    for field, value in values.items():
        setattr(found, field, value)
    found.save(update_fields=list(values))
    emit(actor, "integration.changed", entity="integration", record_id=pk, before=before, after={**values, "name": found.name})
    return found


def _checked(name: str, redirect_uri: str, kind: str, scopes: Sequence[str]) -> dict[str, Any]:
    problems: dict[str, list[Any]] = {}
    if not name.strip():
        problems["name"] = [_("Give the integration a name that colleagues will know it by.")]
    if redirect_uri.strip() and not returning.is_good(redirect_uri.strip()):
        problems["redirect_uri"] = [_("Give a whole address that begins with https://, without a “#” (http:// only on this computer).")]
    if kind not in Kind.values:
        problems["kind"] = [_("Choose whose program it is.")]
    if not scopes or set(scopes) - set(tokens.SCOPES):
        problems["scopes"] = [_("Choose what the integration may reach.")]
    if problems:
        raise Invalid(fields=problems)
    return {"name": name.strip()[:120], "redirect_uri": redirect_uri.strip(), "kind": str(kind), "scopes": [scope for scope in tokens.SCOPES if scope in scopes]}


def rotate_secret(actor: Actor, pk: int) -> tuple[Integration, str]:
    """A new secret, shown once; the old one opens for 24 hours more, so that nothing stands still."""
    found = _to_change(actor, pk, always=True)
    secret = secrets.token_urlsafe(48)
    found.old_secret_digest, found.old_secret_until = found.secret_digest, clock.real_now() + OLD_SECRET_FOR
    found.secret_digest, found.secret_hint = tokens.digest(secret), secret[-4:]
    found.save(update_fields=["old_secret_digest", "old_secret_until", "secret_digest", "secret_hint"])
    _tell(actor, "secret_rotated", found)
    return found, secret


def has_secret(integration: Integration, given: str) -> bool:
    """Whether this is the integration's secret, or the one before it while that is still good."""
    mine = tokens.digest(given)
    known = [integration.secret_digest]
    if integration.old_secret_until is not None and integration.old_secret_until > clock.real_now():
        known.append(integration.old_secret_digest)
    return any(hmac.compare_digest(mine, one) for one in known)


def pause(actor: Actor, pk: int) -> Integration:
    """Stop this one program until it is let go on; nothing that it was given is lost."""
    found = _to_change(actor, pk, always=True)
    if found.paused_at is None:
        found.paused_at = clock.real_now()
        found.save(update_fields=["paused_at"])
        _tell(actor, "paused", found)
    return found


def resume(actor: Actor, pk: int) -> Integration:
    """Let it go on."""
    found = _to_change(actor, pk, always=True)
    if found.paused_at is not None:
        found.paused_at = None
        found.save(update_fields=["paused_at"])
        _tell(actor, "resumed", found)
    return found


def revoke(actor: Actor, pk: int) -> Integration:
    """End it for good: every token, code and secret of it is dead at once."""
    found = _to_change(actor, pk, always=True)
    now = clock.real_now()
    found.revoked_at, found.old_secret_until = now, None
    found.save(update_fields=["revoked_at", "old_secret_until"])
    ApiToken.objects.filter(integration=found, revoked_at=None).update(revoked_at=now)
    Grant.objects.filter(integration=found, revoked_at=None).update(revoked_at=now)
    _tell(actor, "revoked", found)
    return found


def make_token(actor: Actor, pk: int, *, days: int, host: str = "") -> tuple[Integration, str]:
    """A long-lived token of the integration in the actor's name, shown once."""
    found = _to_change(actor, pk)
    life = tokens.checked_life(days)
    person = person_of(actor)
    purpose = tokens.For(life=life, integration_id=found.pk, audience=str(found.client_id), scopes=tuple(found.scopes), host=host)
    token = tokens.make_api_token(person, name=found.name, purpose=purpose)
    _tell(actor, "token_made", found, days=days)
    return found, token


def person_of(actor: Actor) -> User:
    """The person whose name a program is to work in; raises Forbidden for the house itself."""
    if actor.user_id is None:
        raise Forbidden
    return User.objects.select_related("role").get(pk=actor.user_id)


def end_token(actor: Actor, pk: int, token_pk: int) -> None:
    """End one token of an integration."""
    found = _to_change(actor, pk, always=True)
    if not ApiToken.objects.filter(pk=token_pk, integration=found, revoked_at=None).update(revoked_at=clock.real_now()):
        raise NotFound
    _tell(actor, "token_ended", found, token=token_pk)


def end_grant(actor: Actor, pk: int, grant_pk: int) -> None:
    """Take back what one person gave: its refresh token, and the tokens that came of it."""
    found = _to_change(actor, pk, always=True)
    grant = Grant.objects.select_for_update().filter(pk=grant_pk, integration=found, revoked_at=None).first()
    if grant is None:
        raise NotFound
    grant.revoked_at = clock.real_now()
    grant.save(update_fields=["revoked_at"])
    ApiToken.objects.filter(integration=found, grant_uid=grant.uid, revoked_at=None).update(revoked_at=grant.revoked_at)
    _tell(actor, "grant_ended", found, grant=grant_pk)


def _tell(actor: Actor, verb: str, integration: Integration, **facts: Any) -> None:
    emit(actor, f"integration.{verb}", entity="integration", record_id=integration.pk, after={"name": integration.name, **facts})


def hand_over(actor: Actor, person: User, owner: User | None, moved: int) -> None:
    """A person's rights end or shrink: what they gave as administrator goes on under an owner, the rest of it ends with a person who left."""
    given = Grant.objects.filter(person=person, revoked_at=None)
    if owner is not None:
        moved += given.filter(by_administrator=True).update(person=owner)
    if not person.is_active:
        given.update(revoked_at=clock.real_now())
    if moved and owner is not None:
        emit(actor, "integration.handed_over", entity="person", record_id=owner.pk, after={"former": person.name, "count": moved})


tokens.when_rights_end(hand_over)
