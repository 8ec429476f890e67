"""People of a workspace that came back from an archive: nobody's password came with it, so each gets a letter."""

from __future__ import annotations

from django.contrib.auth.hashers import make_password
from django.utils.translation import gettext_lazy as _

from crm_platform.kernel import clock, gates
from crm_platform.kernel.errors import Invalid
from crm_platform.letters import post

from . import roles, services, tokens
from .models import Access, Role, User


def welcome_back(owner_email: str = "", *, language: str = "en") -> list[str]:
    """Write to everyone with access and return their addresses, owners first; `owner_email` is made an owner, here already or not.

    Raises Invalid (field `email`) where nobody has access and no address is given.
    """
    new = _make_owner(owner_email.strip().lower(), language=language) if owner_email else None
    people = User.objects.select_related("role").filter(access__in=(Access.ACTIVE, Access.INVITED)).exclude(email=None).order_by("-access", "id")
    found = sorted(people, key=lambda person: person.role.code != roles.OWNER)
    if not [person for person in found if person.role.code == roles.OWNER and person.access == Access.ACTIVE]:
        raise Invalid(fields={"email": [_("No owner in the archive has access. Say who shall be the owner.")]})
    for person in found:
        if person == new:
            continue  # has had the letter of a founder
        post.write(str(person.email), "restored", language=person.language, url=tokens.invite_link(person))
    return [str(person.email) for person in found]


def _make_owner(email: str, *, language: str) -> User | None:
    """Gives the person where it is a new one."""
    person = User.objects.select_related("role").filter(email__iexact=email).first()
    if person is None:
        return services.found_workspace(email, password_hash=make_password(None), name="", language=language)
    if person.access not in (Access.ACTIVE, Access.INVITED):
        gates.restore("users")
    person.role, person.access, person.is_active, person.deactivated_at = Role.objects.get(code=roles.OWNER), Access.ACTIVE, True, None
    person.joined_at = person.joined_at or clock.now()
    person.save()
    return None
