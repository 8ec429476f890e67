"""Long-lived tokens and links that let a person in once."""

from __future__ import annotations

import hashlib
import re
import secrets
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.signing import BadSignature
from django.utils.translation import gettext_lazy as _

from crm_platform.db.prepared import Prepared
from crm_platform.kernel import clock, signing, versions, workspace
from crm_platform.kernel.errors import CrmError, Forbidden, Invalid, NotSignedIn
from crm_platform.kernel.permissions import Actor

from . import jwts
from .models import Access, ApiToken, SeatState, User
from .roles import OWNER

ENTRY_AGE, INVITE_AGE, CONFIRM_AGE = timedelta(seconds=60), timedelta(days=14), timedelta(days=30)
NOTED_EVERY = timedelta(minutes=5)
LONGEST = timedelta(days=5 * 365)
SCOPES = ("crm", "files", "files_delete", "notifications")
USERS, EXTERNAL = "users", "external"


class LinkTooOld(CrmError):
    """A link that opens something was used, is old, or belongs elsewhere."""

    code, status = "link_too_old", 403
    sentence = _("This link has been used or is too old. Ask for a new one; nothing was lost.")


class TokenRefused(NotSignedIn):
    """A program's token is none of ours."""

    code = "token_refused"
    sentence = _("This token is unknown, has expired, or was ended. Make a new one in the settings of the workspace.")


class TokenNotHere(NotSignedIn):
    """A token was sent to a page of people."""

    code = "token_not_here"
    sentence = _("Tokens open addresses under /api/ only. For the pages, log in.")


class IntegrationPaused(CrmError):
    """The firm has stopped this one program for a while."""

    code, status = "integration_paused", 403
    sentence = _("This integration is paused. An administrator of the workspace can let it go on; other integrations are not affected.")


class ScopeMissing(Forbidden):
    """The token was not given for this."""

    code = "scope_missing"
    sentence = _("This token was not given for {scope}. Authorise the integration anew with that scope.")


class CannotActAs(Forbidden):
    """Another person was named whom this token may not act as."""

    code = "cannot_act_as"
    sentence = _("X-Context-User-ID names nobody whom this token may act as: it takes a token given by an administrator, and a person with a seat.")


@dataclass(frozen=True, slots=True, kw_only=True)
class For:
    """What a token is for: `life` how long, `host` where the program calls ("" for the workspace's own address).

    Whether an administrator gave it is the person's role unless it is said.
    """

    life: timedelta = LONGEST
    integration_id: int | None = None
    audience: str = ""
    scopes: Sequence[str] = ()
    grant_uid: str = ""
    by_administrator: bool | None = None
    host: str = ""


ANYTHING = For()


def checked_life(days: int) -> timedelta:
    """How long a long-lived token lives; raises Invalid."""
    if not 1 <= days <= LONGEST.days:
        raise Invalid(fields={"days": [_("A token lives from one day to five years.")]})
    return timedelta(days=days)


def make_api_token(person: User, *, name: str, purpose: For = ANYTHING) -> str:
    """A token of the person (with the role loaded), shown once."""
    return keep_token(person, name=name, purpose=purpose, jti=str(uuid.uuid4()), made=clock.real_now())


def keep_token(person: User, *, name: str, purpose: For, jti: str, made: datetime) -> str:
    """The same of a given id and moment: what is written twice is the same token."""
    token = write_token(person.pk, purpose=purpose, jti=jti, made=made)
    ApiToken.objects.create(
        person_id=person.pk, name=name[:120], digest=digest(jti), hint=token[-6:], expires_at=made + purpose.life,
        integration_id=purpose.integration_id, scopes=list(purpose.scopes), grant_uid=purpose.grant_uid,
        by_administrator=person.role.everything if purpose.by_administrator is None else purpose.by_administrator,
    )  # fmt: skip
    return token


def write_token(person_id: int, *, purpose: For, jti: str, made: datetime) -> str:
    """The text alone."""
    audience = purpose.audience or workspace.here().public_id
    scopes = purpose.scopes or SCOPES
    return jwts.write(jwts.Said(jti=jti, audience=audience, person_id=person_id, scopes=scopes, made=made, ends=made + purpose.life, host=purpose.host))


_KNOWN = Prepared(
    ApiToken,
    lambda digest: ApiToken.objects.select_related("person__role", "person__group", "integration").defer("integration__faults", "integration__undo").filter(digest=digest)[:1],
)


def read_api_token(text: str) -> ApiToken:
    """The token of a header "Bearer …", with its person and integration; raises TokenRefused, IntegrationPaused. One statement.

    A refusal says in `facts["integration"]` which integration knocked, where it is known. That it was used is noted every five minutes.
    """
    scheme, _blank, given = text.strip().partition(" ")
    known_by = _known_by(given.strip()) if scheme.lower() == "bearer" else ""
    token = _KNOWN.first(digest=digest(known_by)) if known_by else None
    if token is None:
        raise TokenRefused
    now = clock.real_now()
    program = token.integration
    ended = token.revoked_at is not None or (token.expires_at is not None and token.expires_at <= now) or (program is not None and program.revoked_at is not None)
    if ended or not token.person.is_active:
        raise TokenRefused(integration=token.integration_id)
    if program is not None and program.paused_at is not None:
        raise IntegrationPaused(integration=token.integration_id)
    _note_use(token, now)
    return token


def _known_by(given: str) -> str:
    """What the row's digest is made of: the id of a JWT that is ours, else the text itself, as tokens once were. "" for what is neither."""
    if given.count(".") != 2:
        return given
    try:
        return jwts.id_of(given)
    except jwts.Unreadable:
        return ""


def _note_use(token: ApiToken, now: datetime) -> None:
    if token.last_used_at is not None and now - token.last_used_at <= NOTED_EVERY:
        return
    with versions.quiet():
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
        if token.integration is not None:
            type(token.integration).objects.filter(pk=token.integration.pk).update(last_used_at=now)


def require_scope(token: ApiToken | None, scope: str) -> None:
    """Raises ScopeMissing where the token was not given for this; a person's own session and a token without scopes have all of them.

    "users" is part of "crm" that no integration of the kind external has.
    """
    if token is None:
        return
    program = token.integration
    if scope == USERS and program is not None and program.kind == EXTERNAL:
        raise ScopeMissing(scope=scope)
    if token.scopes and ("crm" if scope == USERS else scope) not in token.scopes:
        raise ScopeMissing(scope=scope)


def budget_key(token: ApiToken) -> str:
    """Whose requests are counted together: an integration's, else those of the one token."""
    return f"{workspace.here().public_id}.t{token.pk}" if token.integration_id is None else budget_key_of(token.integration_id)


def budget_key_of(integration_id: int) -> str:
    """An integration's."""
    return f"{workspace.here().public_id}.i{integration_id}"


def person_to_act_as(token: ApiToken, number: str) -> User:
    """The person of the header X-Context-User-ID; raises CannotActAs."""
    allowed = token.by_administrator and token.person.role.everything
    found = User.objects.select_related("role", "group").filter(pk=int(number), is_active=True).first() if allowed and re.fullmatch(r"[0-9]{1,18}", number) else None
    if found is None or found.role.view_only or found.seat_state != SeatState.HELD:
        raise CannotActAs
    return found


# Called with who decides it, a person whose rights end or shrink, the owner who answers for what was given with them, and how many tokens moved.
Leaving = Callable[[Actor, User, User | None, int], None]
_when_rights_end: list[Leaving] = []


def when_rights_end(function: Leaving) -> None:
    """Register what else was given with a person's rights."""
    if function not in _when_rights_end:
        _when_rights_end.append(function)


def end_tokens(actor: Actor, person: User, *, own_too: bool = True) -> None:
    """A person leaves (`own_too`), or may no longer do everything: what an administrator gave to an integration goes on under an owner (decision 0023)."""
    owner = User.objects.filter(role__code=OWNER, access=Access.ACTIVE).exclude(pk=person.pk).order_by("pk").first()
    given = ApiToken.objects.filter(person_id=person.pk, revoked_at=None, by_administrator=True, integration__isnull=False)
    moved = given.update(person_id=owner.pk) if owner is not None else 0
    if own_too:
        ApiToken.objects.filter(person=person, revoked_at=None).update(revoked_at=clock.real_now())
    for function in _when_rights_end:
        function(actor, person, owner, moved)


def digest(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def entry_link(person: User, *, path: str = "/") -> str:
    """An address that lets the person in once within 60 s: for the way from the public site to the new workspace."""
    text = signing.sign({"u": person.pk, "n": secrets.token_urlsafe(9), "to": path}, purpose="entry")
    return workspace.url(f"/enter/{text}")


def invite_link(person: User) -> str:
    """An address at which the person chooses a password; it dies with the first use."""
    return workspace.url(f"/join/{signing.sign({'u': person.pk, 'p': person.password[-12:]}, purpose='invite')}")


def confirm_link(person: User) -> str:
    """An address that confirms the person's e-mail."""
    return workspace.url(f"/confirm/{signing.sign({'u': person.pk, 'e': person.email}, purpose='confirm')}")


def read(text: str, *, purpose: str, age: timedelta) -> Any:
    """The facts of a link; raises LinkTooOld."""
    try:
        return signing.unsign(text, purpose=purpose, max_age=age)
    except BadSignature:
        raise LinkTooOld from None
