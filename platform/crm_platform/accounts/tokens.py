"""Long-lived tokens and links that let a person in once."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Any

from django.core.signing import BadSignature
from django.utils.translation import gettext_lazy as _

from crm_platform.kernel import clock, signing, versions, workspace
from crm_platform.kernel.errors import CrmError, NotSignedIn

from .models import ApiToken, User

ENTRY_AGE, INVITE_AGE, CONFIRM_AGE = timedelta(seconds=60), timedelta(days=14), timedelta(days=30)
NOTED_EVERY = timedelta(minutes=5)


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


def make_api_token(person: User, *, name: str) -> str:
    """A token of the person, shown once; it begins with the workspace's public id."""
    place = workspace.here()
    token = f"{place.public_id}.{secrets.token_urlsafe(32)}"
    ApiToken.objects.create(person_id=person.pk, name=name[:120], digest=digest(token), hint=token[-6:])
    return token


def read_api_token(text: str) -> ApiToken:
    """The token of a header "Bearer …", with its person; raises TokenRefused. That it was used is noted every five minutes."""
    scheme, _blank, given = text.strip().partition(" ")
    token = ApiToken.objects.select_related("person__role", "person__group").filter(digest=digest(given.strip()), revoked_at=None).first()
    now = clock.real_now()
    if scheme.lower() != "bearer" or token is None or not token.person.is_active or (token.expires_at is not None and token.expires_at <= now):
        raise TokenRefused
    if token.last_used_at is None or now - token.last_used_at > NOTED_EVERY:
        with versions.quiet():
            ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return token


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
