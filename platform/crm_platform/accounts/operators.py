"""Operators: the people who run the platform, in the shared schema, each with an account of their own and a second factor.

They are rows of `accounts.User` on the control side, and so of no workspace. A duty says how far one may go. Nothing of the
console is shown before the second factor was given in this very session, and it is asked for again after twelve hours.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import IntEnum
from typing import Any
from urllib.parse import quote

from allauth.account.authentication import get_authentication_records
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from crm_platform.events.backbone import emit
from crm_platform.kernel import clock
from crm_platform.kernel.errors import CrmError, Forbidden, Invalid, NotFound, NotSignedIn
from crm_platform.kernel.permissions import Actor, robot

from . import services
from .models import Access, Role, User

PROVEN = "operator_second_factor"
# Seconds for which a second factor counts.
PROVEN_FOR = 12 * 3600
_ENTRY = frozenset({"account_login", "account_logout", "account_inactive", "mfa_authenticate", "language"})
_TO_SET_UP = frozenset({"mfa_activate_totp", "mfa_add_webauthn", "account_reauthenticate"})
_TO_PROVE = frozenset({"mfa_reauthenticate", "mfa_reauthenticate_webauthn"})


class Duty(IntEnum):
    """How far an operator may go: look, act about money, or everything."""

    LOOK = 1
    MONEY = 2
    ADMIN = 3


# The roles of the control side, by their code.
DUTIES = {"viewer": Duty.LOOK, "money": Duty.MONEY, "admin": Duty.ADMIN}
LABELS = {"viewer": _("Looks"), "money": _("Money"), "admin": _("Everything")}


class NotYourDuty(Forbidden):
    """The operator's role does not go so far."""

    code = "not_your_duty"
    sentence = _("Your role in the console does not allow this. An operator who may do everything can change that.")


class SecondFactorFirst(CrmError):
    """Nothing happens before the second factor."""

    code, status = "second_factor_first", 403
    sentence = _("Give your second factor first. Nothing was saved.")


class LastAdmin(Invalid):
    """Somebody must be able to do everything."""

    code = "last_admin"
    sentence = _("{email} is the only operator who may do everything. Give another one that role first.")


@dataclass(frozen=True, slots=True)
class Operator:
    """Who acts in the console: the first argument of its verbs."""

    pk: int
    name: str
    email: str
    duty: Duty

    @property
    def signature(self) -> str:
        """As journals name the operator."""
        return f"{self.name} <{self.email}>"

    @property
    def actor(self) -> Actor:
        """Who acts, for verbs of the house and for a workspace's journal: none of its people."""
        return robot(self.signature)


def require(operator: Operator, duty: Duty) -> None:
    """Raise NotYourDuty unless the operator may go so far."""
    if operator.duty < duty:
        raise NotYourDuty


def operator_of(person: User) -> Operator:
    """The operator of a row with its role loaded."""
    return Operator(person.pk, person.name, person.email or "", DUTIES[person.role.code])


def label_of(operator: Operator) -> Any:
    """How far the operator may go, in words."""
    return next(LABELS[code] for code, duty in DUTIES.items() if duty == operator.duty)


def make_roles() -> None:
    """Write the operators' roles; twice is once. On the control side."""
    for order, code in enumerate(DUTIES):
        Role.objects.get_or_create(code=code, defaults={"name": code, "builtin": True, "order": order})


def create(by: Operator | None, *, email: str, name: str, role: str, password: str) -> User:
    """A new operator. `by` None: from the command line. Inside a control unit. Raises Invalid."""
    if by is not None:
        require(by, Duty.ADMIN)
    email = email.strip().lower()
    services.refuse_bad([email])
    if User.objects.filter(email__iexact=email).exists():
        raise Invalid(fields={"email": [_("Another operator has this address.")]})
    make_roles()
    person = User(email=email, name=(name.strip() or email.split("@")[0])[:200], role=_role(role), sort_key=name.casefold()[:200])
    services.check_password_strength(password, person=person)
    person.set_password(password)
    person.access, person.is_active = Access.ACTIVE, True
    person.joined_at = person.email_confirmed_at = clock.real_now()
    person.save()
    EmailAddress.objects.create(user=person, email=email, primary=True, verified=True)
    emit(_who(by), "operator.added", entity="operator", record_id=person.pk, after={"email": email, "role": role})
    return person


def change(by: Operator | None, *, pk: int, role: str | None = None, password: str = "", forget_second_factor: bool = False, open_again: bool = False) -> User:
    """Another role, another password, or a second factor forgotten because its device is gone; whoever was in is out."""
    if by is not None:
        require(by, Duty.ADMIN)
    person = get(pk)
    before = person.role.code
    if role is not None and role != before:
        _keep_an_admin(person)
        person.role = _role(role)
    if password:
        services.check_password_strength(password, person=person)
        person.set_password(password)
    if open_again:
        person.access, person.is_active, person.deactivated_at = Access.ACTIVE, True, None
    person.save()
    if forget_second_factor:
        Authenticator.objects.filter(user=person).delete()
    services.end_sessions(person)
    after = {"role": person.role.code, "password": bool(password), "second_factor_forgotten": forget_second_factor, "opened": open_again}
    emit(_who(by), "operator.changed", entity="operator", record_id=pk, before={"role": before}, after=after)
    return person


def renew_password(me: Operator, *, old: str, new: str, session_key: str) -> User:
    """One's own password; every other session ends. Inside a control unit. Raises Invalid."""
    person = get(me.pk)
    if not person.check_password(old):
        raise Invalid(fields={"old": [_("This is not your present password.")]})
    if person.check_password(new):
        raise Invalid(fields={"new": [_("This is the password you have.")]})
    services.check_password_strength(new, person=person, field="new")
    person.set_password(new)
    person.save(update_fields=["password"])
    ended = services.end_sessions(person, but=session_key)
    emit(me.actor, "operator.password_changed", entity="operator", record_id=me.pk, after={"sessions_ended": ended})
    return person


def end_other_sessions(me: Operator, *, session_key: str) -> int:
    """Log oneself out everywhere but here; returns from how many sessions. Inside a control unit."""
    ended = services.end_sessions(get(me.pk), but=session_key)
    emit(me.actor, "operator.sessions_ended", entity="operator", record_id=me.pk, after={"sessions_ended": ended})
    return ended


def note_new_codes(me: Operator) -> None:
    """The recovery codes were made anew; the old ones are void. Inside a control unit."""
    emit(me.actor, "operator.codes_renewed", entity="operator", record_id=me.pk)


def codes_left(me: Operator) -> int | None:
    """How many recovery codes are still good; None where none were made. Inside a control unit."""
    found = Authenticator.objects.filter(user=me.pk, type=Authenticator.Type.RECOVERY_CODES).first()
    return None if found is None else len(found.wrap().get_unused_codes())


def sessions_of(me: Operator) -> list[UserSession]:
    """Where one is logged in, the one seen last first; those that have run out are none. Two statements. Inside a control unit."""
    rows = list(UserSession.objects.filter(user=me.pk).order_by("-last_seen_at", "-pk"))
    alive = set(Session.objects.filter(session_key__in=[row.session_key for row in rows], expire_date__gt=clock.real_now()).values_list("session_key", flat=True))
    return [row for row in rows if row.session_key in alive]


def close(by: Operator | None, *, pk: int) -> None:
    """The operator comes in no more. Raises LastAdmin."""
    if by is not None:
        require(by, Duty.ADMIN)
    person = get(pk)
    _keep_an_admin(person)
    person.access, person.is_active, person.deactivated_at = Access.DEACTIVATED, False, clock.real_now()
    person.save(update_fields=["access", "is_active", "deactivated_at"])
    services.end_sessions(person)
    emit(_who(by), "operator.closed", entity="operator", record_id=pk, after={"email": person.email})


def get(pk: int) -> User:
    """An operator's row; raises NotFound. Inside a control unit."""
    person = User.objects.select_related("role").filter(pk=pk, role__code__in=DUTIES).first()
    if person is None:
        raise NotFound
    return person


def by_email(email: str) -> User:
    """The same by the address."""
    found = User.objects.filter(email__iexact=email.strip()).values_list("pk", flat=True).first()
    return get(found or 0)


def everyone() -> list[User]:
    """All operators, those who are out at the end."""
    return list(User.objects.select_related("role").filter(role__code__in=DUTIES).order_by("-is_active", "sort_key", "id"))


def _who(by: Operator | None) -> Actor:
    return robot("command line") if by is None else by.actor


def _role(code: str) -> Role:
    if code not in DUTIES:
        raise Invalid(fields={"role": [_("Choose a role.")]})
    return Role.objects.get(code=code)


def _keep_an_admin(person: User) -> None:
    """Locked by the role's row, so that two cannot take each other's place away at once."""
    if DUTIES[person.role.code] < Duty.ADMIN or not person.is_active:
        return
    Role.objects.select_for_update().get(pk=person.role_id)
    if not User.objects.filter(role=person.role, is_active=True).exclude(pk=person.pk).exists():
        raise LastAdmin(email=person.email)


def admit(request: HttpRequest) -> HttpResponse | None:
    """Before every view of the operators' host: sets `request.operator`, or leads to what is lacking; closed to all that is not named here."""
    name = request.resolver_match.url_name if request.resolver_match else ""
    request.operator = None  # type: ignore[attr-defined]
    if name in _ENTRY:
        return None
    person: Any = request.user
    if not person.is_authenticated or person.role.code not in DUTIES:
        raise NotSignedIn
    if not is_mfa_enabled(person):
        return None if name in _TO_SET_UP else _lead(request, "mfa_activate_totp")
    if not _is_proven(request, person):
        return None if name in _TO_PROVE else _lead(request, "mfa_reauthenticate")
    request.operator = operator_of(person)  # type: ignore[attr-defined]
    if person.last_seen_at is None or (clock.real_now() - person.last_seen_at).total_seconds() > 300:
        User.objects.filter(pk=person.pk).update(last_seen_at=clock.real_now())
    return None


def note_proof(request: HttpRequest) -> None:
    """The second factor was set up in this session: that is proof of it."""
    request.session[PROVEN] = time.time()


def _is_proven(request: HttpRequest, person: User) -> bool:
    given = [record["at"] for record in get_authentication_records(request, person) if record.get("method") == "mfa"]
    moment = max([*given, request.session.get(PROVEN, 0.0)])
    return bool(time.time() - moment < PROVEN_FOR)


def _lead(request: HttpRequest, url_name: str) -> HttpResponse:
    if request.method not in ("GET", "HEAD") or request.headers.get("HX-Request"):
        raise SecondFactorFirst
    return HttpResponseRedirect(f"{reverse(url_name)}?next={quote(request.get_full_path())}")
