"""Verbs of people. Each checks its right, changes its rows and announces its event, in the caller's unit of work."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext_lazy as _

from crm_platform.events.backbone import emit
from crm_platform.kernel import clock, gates
from crm_platform.kernel.errors import Conflict, Invalid, NotFound
from crm_platform.kernel.permissions import Action, Actor, require, robot
from crm_platform.letters import post

from . import directory, handover, roles, seats, tokens
from .models import Access, ApiToken, Group, Role, User
from .seats import free_seat, take_seat

MOST_INVITED_AT_ONCE = 10


class LastOwner(Conflict):
    """A workspace always has an owner."""

    code = "last_owner"
    sentence = _("{name} is the only owner. Make someone else an owner first; then this works.")


class NoSuchPerson(NotFound):
    """Nobody of that address has access here."""

    code = "no_such_person"
    sentence = _("Nobody in this workspace has the e-mail {email}.")


def found_workspace(email: str, *, password_hash: str, name: str, language: str) -> User:
    """The first person of a new workspace, its owner. Idempotent: a sweeper may run it again."""
    roles.make_builtin()
    found = User.objects.filter(email__iexact=email).first()
    if found is not None:
        return found
    role = Role.objects.get(code=roles.OWNER)
    owner = _new_person(email=email, name=name or email.split("@")[0], role=role, language=language)
    owner.password, owner.password_changed_at = password_hash, clock.real_now()
    owner.access, owner.is_active, owner.joined_at = Access.ACTIVE, True, clock.now()
    gates.restore("users")
    owner.save()
    EmailAddress.objects.create(user=owner, email=owner.email, primary=True, verified=False)
    if owner.has_usable_password():
        post.write(email, "confirm", language=language, url=tokens.confirm_link(owner))
    else:
        post.write(email, "set_password", language=language, url=tokens.invite_link(owner))
    emit(robot("sign-up"), "person.joined", entity="person", record_id=owner.pk, after={"name": owner.name, "role": role.code})
    return owner


def _new_person(*, email: str | None, name: str, role: Role, language: str = "en") -> User:
    return User(email=email, name=name[:200], role=role, language=language, hue=random.randint(1, 8), sort_key=name.casefold()[:200], password=make_password(None))  # noqa: S311 (a colour)


def add_without_access(actor: Actor, *, name: str) -> User:
    """A person who stands in the list only: no seat, no mail; can be invited later."""
    role = Role.objects.get(code=roles.SELLER)
    person = _new_person(email=None, name=name, role=role)
    person.save()
    emit(actor, "person.added", entity="person", record_id=person.pk, after={"name": person.name})
    return person


def list_again(actor: Actor, *, pk: int) -> None:
    """Someone without access who was taken off the list stands in it again."""
    person = User.objects.select_for_update().get(pk=pk, access=Access.NONE)
    if person.deactivated_at is not None:
        person.deactivated_at = None
        person.save(update_fields=["deactivated_at"])
        emit(actor, "person.added", entity="person", record_id=pk, after={"name": person.name})


def invite(actor: Actor, *, emails: Sequence[str], role_id: int, group_id: int | None = None, language: str = "en") -> list[User]:
    """Invite up to ten addresses at once; each gets a mail and holds a seat from now on.

    Raises Invalid (field `emails`) naming what cannot be read or is here already, PlanRefusal where seats run out;
    then nobody is invited.
    """
    require(actor, roles.PEOPLE.right(Action.EDIT))
    wanted = list(dict.fromkeys(email.strip().lower() for email in emails if email.strip()))
    if not wanted:
        raise Invalid(fields={"emails": [_("Write at least one e-mail address.")]})
    if len(wanted) > MOST_INVITED_AT_ONCE:
        raise Invalid(fields={"emails": [str(_("Up to {most} addresses at once; these are {count}.")).format(most=MOST_INVITED_AT_ONCE, count=len(wanted))]})
    refuse_bad(wanted)
    role = _role(actor, role_id)
    known = {str(person.email): person for person in User.objects.select_related("role").filter(email__in=wanted)}
    here = sorted(email for email, person in known.items() if person.access == Access.ACTIVE)
    if here:
        raise Invalid(fields={"emails": [str(_("Already here: {emails}")).format(emails=", ".join(here))]})
    seats.require_room(role, adding=sum(1 for email in wanted if email not in known or seats.held_metric(known[email]) != seats.metric_of(role)))
    return [_invite_one(actor, known.get(email), email=email, role=role, group_id=group_id, language=language) for email in wanted]


def refuse_bad(emails: Sequence[str]) -> None:
    """Raise Invalid (field `emails`) naming what is no address."""
    bad = []
    for email in emails:
        try:
            validate_email(email)
        except ValidationError:
            bad.append(email)
    if bad:
        raise Invalid(fields={"emails": [str(_("Not an e-mail address: {emails}")).format(emails=", ".join(bad))]})


def _role(actor: Actor, role_id: int) -> Role:
    role = Role.objects.filter(pk=role_id).first()
    if role is None:
        raise Invalid(fields={"role": [_("Choose a role.")]})
    if role.code == roles.OWNER and actor.role != roles.OWNER and actor.user_id is not None:
        raise Invalid(fields={"role": [_("Only an owner makes owners.")]})
    return role


def _invite_one(actor: Actor, person: User | None, *, email: str, role: Role, group_id: int | None, language: str) -> User:
    if person is None:
        person = _new_person(email=email, name=email.split("@")[0], role=role, language=language)
    take_seat(person, role)
    person.role, person.group_id, person.access = role, group_id, Access.INVITED
    person.invited_at, person.invited_by, person.deactivated_at = clock.now(), actor.user_id, None
    # Whoever comes back chooses a password anew; links of earlier invitations die with this.
    person.set_unusable_password()
    person.save()
    _send_invitation(actor, person)
    emit(actor, "person.invited", entity="person", record_id=person.pk, after={"role": role.code})
    return person


def _send_invitation(actor: Actor, person: User) -> None:
    post.write(str(person.email), "invite", language=person.language, by=actor.name, url=tokens.invite_link(person))


def invite_listed(actor: Actor, *, pk: int, email: str, role_id: int) -> User:
    """Give an e-mail and a seat to someone who stands in the list without access, or was deactivated."""
    require(actor, roles.PEOPLE.right(Action.EDIT))
    person = get_person(pk)
    email = email.strip().lower()
    refuse_bad([email])
    if User.objects.filter(email=email).exclude(pk=pk).exists():
        raise Invalid(fields={"email": [_("Another person here has this address.")]})
    if person.access in (Access.ACTIVE, Access.INVITED):
        raise Invalid(fields={"email": [_("This person has access already.")]})
    role = _role(actor, role_id)
    person.email = email
    return _invite_one(actor, person, email=email, role=role, group_id=person.group_id, language=person.language)


def invite_again(actor: Actor, *, pk: int) -> User:
    """Send the invitation once more."""
    require(actor, roles.PEOPLE.right(Action.EDIT))
    person = get_person(pk)
    if person.access != Access.INVITED:
        raise Invalid(fields={"email": [_("This person has access already.")]})
    _send_invitation(actor, person)
    return person


def get_person(pk: int) -> User:
    """A person with role and group; raises NotFound."""
    person = User.objects.select_related("role", "group").filter(pk=pk).first()
    if person is None:
        raise NotFound
    return person


def accept(token: str, *, name: str, password: str) -> User:
    """An invited person (or a new owner) chooses a password and comes in. Raises LinkTooOld, Invalid."""
    person = invited_by(token)
    seats.confirm_seat(person)
    if not name.strip():
        raise Invalid(fields={"name": [_("Write your name as colleagues know it.")]})
    check_password_strength(password, person=person)
    person.name, person.sort_key = name.strip()[:200], name.strip().casefold()[:200]
    person.set_password(password)
    person.access, person.is_active = Access.ACTIVE, True
    person.joined_at = person.joined_at or clock.now()
    person.email_confirmed_at = clock.real_now()
    person.save()
    EmailAddress.objects.update_or_create(user=person, email=person.email, defaults={"primary": True, "verified": True})
    emit(robot(person.name), "person.joined", entity="person", record_id=person.pk, after={"name": person.name})
    return person


def invited_by(token: str) -> User:
    """Whom an invitation lets in; raises LinkTooOld once it has been used or withdrawn."""
    facts = tokens.read(token, purpose="invite", age=tokens.INVITE_AGE)
    person = User.objects.select_related("role", "group").filter(pk=facts["u"]).first()
    unused = person is not None and person.password[-12:] == facts["p"] and not person.has_usable_password()
    if person is None or not unused or person.access == Access.DEACTIVATED:
        raise tokens.LinkTooOld
    return person


def check_password_strength(password: str, *, person: User | None = None, field: str = "password") -> None:
    """Raise Invalid with the reasons a password is too weak."""
    try:
        validate_password(password, user=person)
    except ValidationError as error:
        raise Invalid(fields={field: list(error.messages)}) from None


def confirm_email(token: str) -> User:
    """The person has read our letter. Twice is once; raises LinkTooOld."""
    facts = tokens.read(token, purpose="confirm", age=tokens.CONFIRM_AGE)
    person = User.objects.filter(pk=facts["u"], email=facts["e"]).first()
    if person is None:
        raise tokens.LinkTooOld
    mark_confirmed(person)
    return person


def mark_confirmed(person: User) -> None:
    """The address is the person's: said by the letter's link, or by whoever made the demo."""
    if person.email_confirmed_at is None:
        person.email_confirmed_at = clock.real_now()
        person.save(update_fields=["email_confirmed_at"])
        EmailAddress.objects.filter(user=person, email=person.email).update(verified=True)


def send_confirmation(person: User) -> None:
    """Send the confirming link once more."""
    if person.email_confirmed_at is None and person.email:
        post.write(person.email, "confirm", language=person.language, url=tokens.confirm_link(person))


def change_place(actor: Actor, *, pk: int, role_id: int, group_id: int | None) -> User:
    """Give a person another role or group."""
    require(actor, roles.PEOPLE.right(Action.EDIT))
    person = get_person(pk)
    role = _role(actor, role_id)
    if person.role.code == roles.OWNER and role.code != roles.OWNER:
        _keep_an_owner(person)
        if actor.role != roles.OWNER:
            raise Invalid(fields={"role": [_("Only an owner changes an owner's role.")]})
    if group_id is not None and not Group.objects.filter(pk=group_id).exists():
        raise Invalid(fields={"group": [_("There is no such group any more.")]})
    if person.access in (Access.ACTIVE, Access.INVITED):
        take_seat(person, role)
    if person.role.everything and not role.everything:
        tokens.end_tokens(actor, person, own_too=False)
    before = {"role": person.role.code, "group": person.group_id}
    person.role, person.group_id = role, group_id
    person.save(update_fields=["role", "group", "seat", "seat_state", "seat_since"])
    emit(actor, "person.changed", entity="person", record_id=pk, before=before, after={"role": role.code, "group": group_id})
    return person


def _keep_an_owner(person: User) -> None:
    """Lock the owners' rows, so that two owners leaving at once cannot both pass."""
    others = User.objects.select_for_update().filter(role__code=roles.OWNER, access=Access.ACTIVE).order_by("pk")
    if not [owner for owner in others if owner.pk != person.pk]:
        raise LastOwner(name=person.name)


def may_touch(actor: Actor, person: User) -> bool:
    """Whether the actor may take a person's role or access: an owner's is an owner's to take."""
    return person.role.code != roles.OWNER or actor.role == roles.OWNER or actor.user_id is None


def deactivate(actor: Actor, *, pk: int, to_id: int | None = None) -> int:
    """Close a person's access at once: sessions and tokens end, the seat is free, open work goes to `to_id`.

    Returns how many pieces were handed over. Raises LastOwner; Invalid where there is open work and nobody to take it.
    """
    require(actor, roles.PEOPLE.right(Action.EDIT))
    person = get_person(pk)
    if person.access == Access.DEACTIVATED:
        return 0
    if person.role.code == roles.OWNER and person.access == Access.ACTIVE:
        _keep_an_owner(person)
        if actor.role != roles.OWNER and actor.user_id is not None:
            raise Invalid(fields={"to": [_("Only an owner closes an owner's access.")]})
    moved = _hand_over(actor, person, to_id=to_id)
    free_seat(person)
    # Someone who never had an address stays in the list, only without access.
    person.access = Access.DEACTIVATED if person.email else Access.NONE
    person.is_active, person.deactivated_at = False, clock.now()
    person.save(update_fields=["access", "is_active", "deactivated_at"])
    end_sessions(person)
    tokens.end_tokens(actor, person)
    emit(actor, "person.deactivated", entity="person", record_id=pk, after={"handed_over": moved, "to": to_id})
    return moved


def _hand_over(actor: Actor, person: User, *, to_id: int | None) -> int:
    if to_id is None:
        if handover.open_work(person.pk):
            raise Invalid(fields={"to": [_("Choose who takes over the open work.")]})
        return 0
    receiver = User.objects.filter(pk=to_id).exclude(pk=person.pk).first()
    if receiver is None or directory.gone(receiver):
        raise Invalid(fields={"to": [_("Choose someone who works here.")]})
    return handover.hand_over(actor, from_id=person.pk, to_id=to_id)


def end_sessions(person: User, *, but: str = "") -> int:
    """Log the person out everywhere, `but` for the session of this key; returns from how many."""
    rows = UserSession.objects.filter(user=person).exclude(session_key=but)
    keys = list(rows.values_list("session_key", flat=True))
    Session.objects.filter(session_key__in=keys).delete()
    rows.delete()
    return len(keys)


def activate(actor: Actor, *, pk: int) -> User:
    """Let a deactivated person in again, with a fresh invitation."""
    person = get_person(pk)
    return invite_listed(actor, pk=pk, email=person.email or "", role_id=person.role_id)


def change_profile(actor: Actor, *, pk: int, **values: Any) -> User:
    """A person's own words: name, position, phone, language, theme."""
    person = get_person(pk)
    if actor.user_id != pk:
        require(actor, roles.PEOPLE.right(Action.EDIT))
    before = {name: getattr(person, name) for name in values}
    if not str(values.get("name", person.name)).strip():
        raise Invalid(fields={"name": [_("Write your name as colleagues know it.")]})
    for name, value in values.items():
        setattr(person, name, value)
    person.sort_key = person.name.casefold()[:200]
    person.save(update_fields=[*values, "sort_key"])
    emit(actor, "person.changed", entity="person", record_id=pk, before=before, after=dict(values))
    return person


def change_rights(actor: Actor, *, role_id: int, rights: dict[str, int]) -> Role:
    """Decide a role's matrix. Owner and administrator may everything, always."""
    require(actor, roles.PEOPLE.right(Action.EDIT))
    role = Role.objects.filter(pk=role_id).first()
    if role is None:
        raise NotFound
    if role.everything:
        raise Invalid(fields={"role": [_("Owners and administrators may everything; that cannot be narrowed.")]})
    before = dict(role.rights)
    role.rights = rights
    role.save(update_fields=["rights"])
    emit(actor, "role.changed", entity="role", record_id=role.pk, before=before, after=rights)
    return role


def add_group(actor: Actor, *, name: str) -> Group:
    """A new team."""
    require(actor, roles.PEOPLE.right(Action.EDIT))
    name = name.strip()[:120]
    if not name or Group.objects.filter(name__iexact=name).exists():
        raise Invalid(fields={"name": [_("Give the group a name of its own.")]})
    group = Group.objects.create(name=name, order=Group.objects.count())
    emit(actor, "group.added", entity="group", record_id=group.pk, after={"name": name})
    return group


def active_by_email(email: str) -> User:
    """A person with access; raises NoSuchPerson."""
    person = User.objects.select_related("role", "group").filter(email__iexact=email, access=Access.ACTIVE).first()
    if person is None:
        raise NoSuchPerson(email=email)
    return person


def create_token_by_email(email: str, *, name: str) -> str:
    """A long-lived token of an active person, shown once; raises NoSuchPerson."""
    person = active_by_email(email)
    token = tokens.make_api_token(person, name=name)
    emit(robot("command line"), "token.made", entity="person", record_id=person.pk, after={"name": name})
    return token


def make_token(actor: Actor, *, name: str, days: int, host: str = "") -> str:
    """A long-lived token of the actor's own, shown once; raises Invalid for one that would live longer than five years."""
    person = get_person(actor.user_id or 0)
    token = tokens.make_api_token(person, name=name, purpose=tokens.For(life=tokens.checked_life(days), host=host))
    emit(actor, "token.made", entity="person", record_id=person.pk, after={"name": name, "days": days})
    return token


def revoke_token(actor: Actor, *, pk: int) -> None:
    """End one of the actor's own tokens."""
    changed = ApiToken.objects.filter(pk=pk, person_id=actor.user_id, revoked_at=None).update(revoked_at=clock.real_now())
    if not changed:
        raise NotFound
    emit(actor, "token.revoked", entity="person", record_id=actor.user_id, after={"token": pk})
