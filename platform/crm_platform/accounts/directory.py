"""Everyone of the firm by id, kept until someone changes: for signs, choices and names, without joins. Shared: never change them."""

from __future__ import annotations

from crm_platform.kernel import versions

from .models import Access, User
from .roles import OWNER


def everyone() -> dict[int, User]:
    """All people of the workspace, those without access included, in the order of names."""
    return versions.kept("people", ("person", "role"), lambda: {person.pk: person for person in User.objects.select_related("role").order_by("sort_key", "id")})


def owners() -> list[User]:
    """Those who may do everything and can be written to, in the order of names."""
    return [person for person in everyone().values() if person.role.code == OWNER and person.access == Access.ACTIVE and person.email]


def name_of(pk: int | None) -> str:
    """A person's name, or nothing."""
    person = everyone().get(pk) if pk is not None else None
    return person.name if person else ""


def choices(*, present: int | None = None) -> list[tuple[int, str]]:
    """Who may be responsible: everyone but those who left, who appear only where they are the present choice."""
    people = everyone().values()
    return [(person.pk, person.name) for person in people if not gone(person) or person.pk == present]


def gone(person: User) -> bool:
    """Whether someone has left: deactivated, or taken off the list without ever having had access."""
    return person.access == Access.DEACTIVATED or (person.access == Access.NONE and person.deactivated_at is not None)


def group_of(pk: int | None) -> int | None:
    """A person's group."""
    person = everyone().get(pk) if pk is not None else None
    return person.group_id if person else None


def in_group(group_id: int | None) -> list[int]:
    """The people of a group."""
    return [person.pk for person in everyone().values() if group_id is not None and person.group_id == group_id]
