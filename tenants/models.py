"""The registry: every workspace, its addresses, and what the control side must know to find and wake it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django.db import connections, models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Replace
from django_tenants.models import DomainMixin, TenantMixin

from crm_platform.db.sides import CONTROL
from crm_platform.kernel import clock, ids
from crm_platform.kernel.workspace import Place

from .reserved import READS_AS
from .rollout.models import Rollout, RolloutStep


class State(models.TextChoices):
    """The lifecycle of design section 5; whether people may write is access, not lifecycle.

    `asleep`: in a snapshot, with no schema, until somebody comes. `spare`: a schema that is no workspace's place (see carrying).
    """

    POOL = "pool"
    CLAIMING = "claiming"
    ACTIVE = "active"
    LEAVING = "leaving"
    ERASED = "erased"
    ASLEEP = "asleep"
    SPARE = "spare"


# Rows of the registry that are no firm's workspace: ready ones, spare schemas, and what is gone.
NOBODYS = (State.POOL, State.SPARE, State.ERASED)


class Workspace(TenantMixin):  # type: ignore[misc]  # django-tenants carries no types
    """One firm's place: an opaque schema, a role of the same name, and (once claimed) an address."""

    auto_create_schema = False

    public_id = models.CharField(max_length=32, unique=True, default=ids.random_id)
    generation = models.PositiveIntegerField(default=1)
    alias = models.CharField(max_length=32, default="cell1")
    state = models.CharField(max_length=16, choices=State.choices, default=State.POOL)
    slug = models.CharField(max_length=40, null=True, unique=True)  # noqa: DJ001 (no address is not the empty address)
    name = models.CharField(max_length=200, blank=True)
    template_version = models.CharField(max_length=64)
    # Of the release before: access is computed by `tenants.lifecycle.access` alone. It goes once that release is gone.
    suspended_reason = models.TextField(blank=True)
    created_at = models.DateTimeField(default=clock.real_now)
    claimed_at = models.DateTimeField(null=True)
    erased_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager[Workspace]] = models.Manager()

    class Meta:
        db_table = "workspace"
        indexes = [models.Index(fields=["id"], name="workspace_ready", condition=Q(state="pool"))]
        constraints = [
            models.CheckConstraint(name="workspace_active_has_address", condition=~Q(state="active") | Q(slug__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.slug or self.public_id

    @property
    def place(self) -> Place:
        """What code needs to know to work inside."""
        return Place(
            public_id=self.public_id,
            generation=self.generation,
            schema=self.schema_name,
            alias=self.alias,
            slug=self.slug or "",
            name=self.name,
        )

    def save(self, *args: Any, **kwargs: Any) -> None:
        """A plain row: django-tenants' own save would look for the keeper's connection and make schemas."""
        models.Model.save(self, *args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        """A plain row, for the same reason."""
        return models.Model.delete(self, *args, **kwargs)


# `reserved.appearance` in SQL. Own hosts ("crm.acme.com") have a dot and look like no label.
_APPEARANCE = Replace(Replace(Func(F("domain"), *map(Value, READS_AS), function="translate"), Value("rn"), Value("m")), Value("vv"), Value("w"))


class Domain(DomainMixin):  # type: ignore[misc]  # django-tenants carries no types
    """An address of a workspace: a label under our own domains ("acme"), or a host of its own ("crm.acme.com").

    The old label of a renamed workspace stays for twelve months from `retired_at`, not primary, and redirects
    (`tenants.lifecycle.renaming`). A host of its own stands here only while it routes (`tenants.lifecycle.hosts`).
    """

    created_at = models.DateTimeField(default=clock.real_now)
    retired_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "domain"
        indexes = [models.Index(_APPEARANCE, name="domain_appearance")]

    @classmethod
    def appearances(cls, wanted: Iterable[str], *, besides: Workspace | None = None) -> list[str]:
        """Those of the appearances that some address (of another than `besides`) has already. Inside a control unit."""
        found = cls.objects.annotate(looks=_APPEARANCE).filter(looks__in=list(wanted))
        return list((found if besides is None else found.exclude(tenant=besides)).values_list("looks", flat=True))

    @classmethod
    def alone_with(cls, looks: str) -> None:
        """Until the unit ends nobody else gives out an address of this appearance: what another is about to write would not be seen. Inside a control unit."""
        with connections[CONTROL].cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('address'), hashtext(%s))", [looks])

    def save(self, *args: Any, **kwargs: Any) -> None:
        """A plain row."""
        models.Model.save(self, *args, **kwargs)


class TemplateScript(models.Model):
    """The pre-rendered script that makes one workspace's schema, by the fingerprint of the migrations it came from.

    `migrations` names them ("label.name"): a release serves what has all of its own. `holds` names its tables and
    counters, for the rights of the workspace's role; empty in one of an earlier release.
    """

    version = models.CharField(max_length=64, primary_key=True)
    script = models.TextField()
    migrations = models.JSONField(default=list)
    holds = models.JSONField(default=dict, db_default=Value({}, models.JSONField()))
    tables = models.PositiveIntegerField()
    relations = models.PositiveIntegerField()
    created_at = models.DateTimeField(default=clock.real_now)

    class Meta:
        db_table = "template_script"


class Signup(models.Model):
    """One sign-up, by the operation id the form carried: a replay finds the workspace made before."""

    operation = models.UUIDField(primary_key=True)
    workspace = models.OneToOneField(Workspace, models.SET_NULL, null=True, related_name="signup")
    slug = models.CharField(max_length=40)
    started_at = models.DateTimeField(default=clock.real_now)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "signup"
        indexes = [models.Index(fields=["started_at"], name="signup_unfinished", condition=Q(finished_at__isnull=True))]


class EmailIndex(models.Model):
    """Which workspaces a person has, for "find my workspaces"; the address itself is not kept here."""

    digest = models.CharField(max_length=64)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="emails")

    class Meta:
        db_table = "email_index"
        constraints = [models.UniqueConstraint(fields=["digest", "workspace"], name="email_index_once")]


class FreshArchive(models.Model):
    """The week's archive of a workspace that wants one kept fresh, and the proof that it restores: the keeper's, which alone can make a schema for it.

    `path` lies below the files' folder; `figures` and `sentence` are of the last proof, which was at `proved_at`; that it failed was
    written to owners and operator at `told_at`.
    """

    class State(models.TextChoices):
        """What is to be done with it."""

        WAITING = "waiting"
        PROVING = "proving"
        PROVED = "proved"

    workspace = models.OneToOneField(Workspace, models.CASCADE, primary_key=True, related_name="fresh_archive")
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    path = models.CharField(max_length=200)
    made_at = models.DateTimeField()
    begun_at = models.DateTimeField(null=True)
    proved_at = models.DateTimeField(null=True)
    proved_made_at = models.DateTimeField(null=True)
    ok = models.BooleanField(null=True)
    figures = models.JSONField(default=dict)
    sentence = models.TextField(blank=True)
    told_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "fresh_archive"
        indexes = [models.Index(fields=["made_at"], name="fresh_archive_open", condition=~Q(state="proved"))]


class Due(models.Model):
    """When a workspace's earliest timer rings; a hint for the scheduler, the truth is in the workspace. `rung`: it has rung, and `at` is when it rings again unless it is served."""

    workspace = models.OneToOneField(Workspace, models.CASCADE, primary_key=True, related_name="due")
    at = models.DateTimeField(db_index=True)
    rung = models.BooleanField(default=False, db_default=False)

    class Meta:
        db_table = "due"


class IsolationProof(models.Model):
    """One run of the proof that no workspace reaches another: what was tried, and what came through (nothing, we hope)."""

    proved_at = models.DateTimeField(default=clock.real_now)
    commit = models.CharField(max_length=64, blank=True)
    attempts = models.PositiveIntegerField()
    kinds = models.JSONField(default=dict)
    failures = models.JSONField(default=list)
    routes = models.PositiveIntegerField()
    seconds = models.FloatField()

    class Meta:
        db_table = "isolation_proof"
        ordering = ["-id"]


from .carrying.models import Spare, Use  # noqa: E402 (they point to the workspace)
from .moving.models import Move, Step  # noqa: E402
from .returning.models import Beside, BesideStep  # noqa: E402
from .sleeping.models import Nap, NapStep  # noqa: E402
from .snapshots.models import Looked, Snapshot  # noqa: E402
from .timing.models import MovedClock  # noqa: E402

__all__ = ["NOBODYS", "Beside", "BesideStep", "Domain", "Due", "EmailIndex", "FreshArchive", "IsolationProof", "Looked", "Move", "MovedClock", "Nap", "NapStep", "Rollout", "RolloutStep", "Signup", "Snapshot", "Spare", "State", "Step", "TemplateScript", "Use", "Workspace"]
