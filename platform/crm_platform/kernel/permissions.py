"""Who may do what: rights of entity × action, each own / team / all. The question lives here; roles in `accounts`.

Design section 4: "team" is the person's one group.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from django.db.models import Model, Q, QuerySet

from . import access
from .errors import CrmError, Forbidden, NotFound

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

M = TypeVar("M", bound=Model)


class Scope(IntEnum):
    """How far a right reaches."""

    NONE = 0
    OWN = 1
    TEAM = 2
    ALL = 3


class Action(StrEnum):
    """What can be done to a record of an entity."""

    VIEW = "view"
    CREATE = "create"
    EDIT = "edit"
    DELETE = "delete"
    EXPORT = "export"


@dataclass(frozen=True, slots=True)
class Right:
    """One cell of the matrix, written `deals.edit`."""

    entity: str
    action: str

    @property
    def key(self) -> str:
        return f"{self.entity}.{self.action}"


@dataclass(frozen=True, slots=True)
class Entity:
    """A noun that roles speak of; registered by the feature that owns it.

    `scoped` says whether own / team / all makes sense (settings are simply allowed or not).
    """

    code: str
    label: str | _StrPromise
    actions: tuple[str, ...] = tuple(Action)
    scoped: bool = True

    def right(self, action: str) -> Right:
        if action not in self.actions:
            raise ValueError(f"{self.code} has no action {action}")
        return Right(self.code, action)

    VIEW = property(lambda self: self.right(Action.VIEW))
    CREATE = property(lambda self: self.right(Action.CREATE))
    EDIT = property(lambda self: self.right(Action.EDIT))
    DELETE = property(lambda self: self.right(Action.DELETE))
    EXPORT = property(lambda self: self.right(Action.EXPORT))


_entities: dict[str, Entity] = {}


def register(entity: Entity) -> Entity:
    """Add an entity to the vocabulary; twice the same code is a mistake."""
    if _entities.get(entity.code, entity) != entity:
        raise ValueError(f"two entities named {entity.code}")
    _entities[entity.code] = entity
    return entity


def entities() -> Iterable[Entity]:
    """All registered entities, in the order of registration."""
    return tuple(_entities.values())


class ActorKind(StrEnum):
    """Through what a change was made."""

    USER = "user"
    RULE = "rule"
    IMPORT = "import"
    INTEGRATION = "integration"
    ROBOT = "robot"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, as an argument of every verb. Built by `accounts`, or one of the robots below.

    `everything` is for the owner, administrators and robots: scope ALL for each right.
    `read_only` says that the workspace is, for everybody. `via` names the means ("import 12", "token Zapier"); it stands in the journal.
    `quiet`: what it does is written down and wakes nobody, for it happened elsewhere long ago.
    """

    user_id: int | None
    name: str
    kind: ActorKind = ActorKind.USER
    role: str = ""
    group_id: int | None = None
    rights: Mapping[str, Scope] = field(default_factory=dict)
    everything: bool = False
    view_only: bool = False
    read_only: bool = False
    via: str = ""
    quiet: bool = False

    @property
    def may_write(self) -> bool:
        """Whether the person may change anything at all: by the role, and as the workspace stands."""
        return not (self.view_only or self.read_only)

    def scope_for(self, right: Right) -> Scope:
        """How far the right reaches for this actor."""
        if not self.may_write and right.action not in (Action.VIEW, Action.EXPORT):
            return Scope.NONE
        if self.everything:
            return Scope.ALL
        return Scope(self.rights.get(right.key, Scope.NONE))

    def through(self, kind: ActorKind, *, via: str, quiet: bool = False) -> Actor:
        """The same person with the same rights, acting through an import or an integration."""
        return replace(self, kind=kind, via=via, quiet=quiet)


def robot(name: str, *, kind: ActorKind = ActorKind.ROBOT) -> Actor:
    """An actor of the house itself: may do all, is named in the journal."""
    return Actor(user_id=None, name=name, kind=kind, everything=True)


def may(actor: Actor, right: Right, *, responsible: tuple[int | None, int | None] | None = None) -> bool:
    """Whether the right reaches a record of `responsible` = (user id, group id); None asks "at all"."""
    scope = actor.scope_for(right)
    if responsible is None:
        return scope > Scope.NONE
    user_id, group_id = responsible
    if scope == Scope.ALL:
        return True
    if scope == Scope.NONE or actor.user_id is None:
        return False
    own = user_id == actor.user_id
    team = scope == Scope.TEAM and group_id is not None and group_id == actor.group_id
    return own or team


def require(actor: Actor, right: Right, *, record: Any = None) -> None:
    """Raise Forbidden unless the right reaches `record` (anything with `responsible`), or exists at all if None."""
    whose = None if record is None else _responsible_of(record)
    if may(actor, right, responsible=whose):
        return
    raise refusal(actor, right.key) if may(as_ever(actor), right, responsible=whose) else Forbidden(right=right.key)


def refusal(actor: Actor, key: str) -> CrmError:
    """What to raise where a right does not reach: ReadOnly (Unpaid) where nobody may write at present, else Forbidden."""
    return access.refusal() if actor.read_only and not actor.view_only else Forbidden(right=key)


def as_ever(actor: Actor) -> Actor:
    """The actor as in a workspace that may be written: for pages that only show, and for the ways out (paying, coming back)."""
    return replace(actor, read_only=False) if actor.read_only else actor


def still(actor: Actor, act: access.Act) -> Actor:
    """The actor as ever where the workspace's access leaves this act to its people; else as they are."""
    return as_ever(actor) if actor.read_only and access.permits(act) else actor


def _responsible_of(record: Any) -> tuple[int | None, int | None]:
    person = getattr(record, "responsible", None)
    return (None, None) if person is None else (person.pk, person.group_id)


def reach(actor: Actor, right: Right, *, path: str = "responsible") -> Q:
    """The condition that keeps the rows the right reaches; `path` leads to the responsible person."""
    match actor.scope_for(right):
        case Scope.ALL:
            return Q()
        case Scope.TEAM if actor.group_id is not None:
            return Q(**{path: actor.user_id}) | Q(**{f"{path}__group_id": actor.group_id})
        case Scope.OWN | Scope.TEAM:
            return Q(**{path: actor.user_id})
    return Q(pk__in=[])


def get_visible(queryset: QuerySet[M], pk: int) -> M:
    """The row of a queryset already narrowed to what the actor may see; raises NotFound."""
    found = queryset.filter(pk=pk).first()
    if found is None:
        raise NotFound
    return found
