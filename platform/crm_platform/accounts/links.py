"""Every kind of link that opens something in a workspace, by name: what the proof of isolation carries to another's door.

Whoever signs for a new purpose registers it here; a purpose without a kind, and an address without a link, are found by tests.
"""

from __future__ import annotations

from collections.abc import Callable

from allauth.account.models import EmailAddress, EmailConfirmation
from allauth.account.utils import user_pk_to_url_str
from django.utils import timezone

from crm_platform.kernel import workspace

from . import tokens
from .models import Access, User
from .reset_tokens import ResetTokens

# Makes a link for somebody of the workspace we stand in; inside a unit.
Make = Callable[[], str]
_kinds: dict[str, Make] = {}
# These ask for a session as well.
FOR_THE_LOGGED_IN = frozenset({"email-key"})


def register(kind: str) -> Callable[[Make], Make]:
    """Name a kind of link; for what `kernel.signing` signs, by its purpose."""

    def keep(make: Make) -> Make:
        _kinds[kind] = make
        return make

    return keep


def kinds() -> dict[str, Make]:
    """Kind → how one is made."""
    return dict(_kinds)


def _somebody(access: Access) -> User:
    return User.objects.filter(access=access).order_by("pk")[0]


@register("entry")
def _entry() -> str:
    return tokens.entry_link(_somebody(Access.ACTIVE))


@register("invite")
def _invite() -> str:
    return tokens.invite_link(_somebody(Access.INVITED))


@register("confirm")
def _confirm() -> str:
    return tokens.confirm_link(_somebody(Access.ACTIVE))


@register("reset")
def _reset() -> str:
    person = _somebody(Access.ACTIVE)
    return workspace.url(f"/account/password/reset/key/{user_pk_to_url_str(person)}-{ResetTokens().make_token(person)}/")


@register("email-key")
def _email_key() -> str:
    """allauth's own confirmation, which we send to nobody; its address is there all the same."""
    person = _somebody(Access.ACTIVE)
    address, _made = EmailAddress.objects.get_or_create(user=person, email=person.email)
    kept = EmailConfirmation.create(address)
    kept.sent = timezone.now()
    kept.save()
    return workspace.url(f"/account/confirm-email/{kept.key}/")
