"""Long-lived tokens and links that let a person in once."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Any

from django.core.signing import BadSignature
from django.utils.translation import gettext_lazy as _

from crm_platform.kernel import signing, workspace
from crm_platform.kernel.errors import CrmError

from .models import ApiToken, User

ENTRY_AGE, INVITE_AGE, CONFIRM_AGE = timedelta(seconds=60), timedelta(days=14), timedelta(days=30)


class LinkTooOld(CrmError):
    """A link that opens something was used, is old, or belongs elsewhere."""

    code, status = "link_too_old", 403
    sentence = _("This link has been used or is too old. Ask for a new one; nothing was lost.")


def make_api_token(person: User, *, name: str) -> str:
    """A token of the person, shown once; it begins with the workspace's public id."""
    place = workspace.here()
    token = f"{place.public_id}.{secrets.token_urlsafe(32)}"
    ApiToken.objects.create(person=person, name=name[:120], digest=digest(token), hint=token[-6:])
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
