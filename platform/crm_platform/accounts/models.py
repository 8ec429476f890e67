"""People, their role, their group, their tokens. Rows are never deleted: people are deactivated, or erased to a stub."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from crm_platform.kernel import clock


class Access(models.TextChoices):
    """Whether a person may come in. `none` stands in the list only: no seat, no mail, can be invited later."""

    NONE = "none", _("Without access")
    INVITED = "invited", _("Invited")
    ACTIVE = "active", _("Active")
    DEACTIVATED = "deactivated", _("Deactivated")


class Seat(models.TextChoices):
    """How a person's seat is paid for: bought for the person, or by the active day. What a role that only looks has costs nothing."""

    NAMED = "named", _("Full seat")
    OCCASIONAL = "occasional", _("Occasional seat")


class SeatState(models.TextChoices):
    """Whether the person has the seat: `pending` waits for its payment and looks only, `none` was left without one. Records stay theirs."""

    HELD = "held"
    PENDING = "pending"
    NONE = "none"


class Group(models.Model):
    """A team: "team" in a right means the person's one group."""

    name = models.CharField(max_length=120, unique=True)
    order = models.PositiveIntegerField(default=0)

    class Meta:
        db_table = "people_group"
        ordering = ["order", "name"]

    def __str__(self) -> str:
        return self.name


class Role(models.Model):
    """A named matrix of rights: {"deals.edit": 2} means up to the team (kernel.permissions.Scope).

    `everything` belongs to owner and administrator; `view_only` seats cost nothing and change nothing.
    """

    code = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=120)
    rights = models.JSONField(default=dict)
    everything = models.BooleanField(default=False)
    view_only = models.BooleanField(default=False)
    builtin = models.BooleanField(default=False)
    order = models.PositiveIntegerField(default=0)

    class Meta:
        db_table = "role"
        ordering = ["order", "id"]

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    """Nobody is made here: `accounts.services` adds people, with their role and their event."""

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email__iexact=username or "")


class User(AbstractBaseUser):
    """A person of this workspace (or an operator, on the control side). The same person in two firms is two rows."""

    # Django asks `is_active`; `access` is the truth, a constraint keeps them together.
    is_active = models.BooleanField(default=False)
    access = models.CharField(max_length=16, choices=Access.choices, default=Access.NONE)
    email = models.EmailField(null=True, blank=True)  # noqa: DJ001 (no address is not the empty address)
    name = models.CharField(max_length=200)
    position = models.CharField(max_length=200, blank=True)
    phone = models.CharField(max_length=40, blank=True)
    role = models.ForeignKey(Role, models.PROTECT, related_name="people")
    group = models.ForeignKey(Group, models.SET_NULL, null=True, blank=True, related_name="people")
    seat = models.CharField(max_length=12, choices=Seat.choices, default=Seat.NAMED, db_default="named")
    seat_state = models.CharField(max_length=8, choices=SeatState.choices, default=SeatState.HELD, db_default="held")
    seat_since = models.DateTimeField(null=True)
    language = models.CharField(max_length=8, default="en")
    theme = models.CharField(max_length=8, default="system")
    hue = models.PositiveSmallIntegerField(default=1)
    sort_key = models.CharField(max_length=200, default="", blank=True)
    password_changed_at = models.DateTimeField(null=True)
    email_confirmed_at = models.DateTimeField(null=True)
    invited_at = models.DateTimeField(null=True)
    invited_by = models.BigIntegerField(null=True)
    joined_at = models.DateTimeField(null=True)
    deactivated_at = models.DateTimeField(null=True)
    last_seen_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=clock.real_now)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        db_table = "person"
        ordering = ["sort_key", "id"]
        constraints = [
            models.UniqueConstraint(Lower("email"), name="person_email_once"),
            models.CheckConstraint(name="person_active_means_access", condition=Q(is_active=True, access="active") | (Q(is_active=False) & ~Q(access="active"))),
            models.CheckConstraint(name="person_with_access_has_email", condition=Q(access="none") | Q(email__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def initials(self) -> str:
        """One or two letters for the round sign beside a name."""
        words = [word for word in self.name.replace("(", " ").split() if word[:1].isalnum()]
        return "".join(word[0] for word in (words[:1] + words[-1:] if len(words) > 1 else words)).upper() or "?"

    @property
    def is_staff(self) -> bool:
        """Django's word for "may enter its admin", which we do not have."""
        return False

    def set_password(self, raw_password: str | None) -> None:
        super().set_password(raw_password)
        self.password_changed_at = clock.real_now()

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        """Refused: Django would walk relations of the other side, and work would lose its owner."""
        raise TypeError("people are deactivated or erased to a stub, never deleted")


class ApiToken(models.Model):
    """What lets a program work in a person's name: a JWT, or in older days a text; only a digest is kept.

    `integration` is the program where the workspace knows it by name. `scopes` are what the token is good for, none of them
    meaning all. `by_administrator`: given by one with every right, so it may act as another person.
    """

    person = models.ForeignKey(User, models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=120)
    digest = models.CharField(max_length=64, unique=True)
    hint = models.CharField(max_length=8)
    created_at = models.DateTimeField(default=clock.real_now)
    expires_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    # Integrations stand on the workspace's side alone; no row of theirs is ever deleted.
    integration = models.ForeignKey("integrations.Integration", models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="tokens")
    scopes = ArrayField(models.CharField(max_length=20), default=list, db_default=[])
    by_administrator = models.BooleanField(default=False, db_default=False)
    # The grant that it came of, where it came of one.
    grant_uid = models.CharField(max_length=20, blank=True, default="", db_default="")

    class Meta:
        db_table = "api_token"
        ordering = ["-id"]
