"""People and their roles, their rights in the API's letters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse

from crm_core.doors.amocrm.wire import answers, cursors
from crm_core.doors.amocrm.wire.asking import Asked
from crm_core.doors.amocrm.wire.fields import Item, items_of, settle
from crm_core.doors.amocrm.wire.problems import BadRequest
from crm_platform.accounts import directory, making_roles, services
from crm_platform.accounts.models import Group, Role, User
from crm_platform.accounts.roles import OWNER, PEOPLE, SELLER, label_of, rights_of
from crm_platform.kernel.errors import NotFound
from crm_platform.kernel.permissions import Action, Scope, require

# Ours by the API's word; its letters by our scopes and back.
ENTITIES = {"leads": "deals", "contacts": "contacts", "companies": "companies"}
ACTIONS = {"view": "view", "edit": "edit", "add": "create", "delete": "delete", "export": "export"}
_LETTERS = {Scope.NONE: "D", Scope.OWN: "M", Scope.TEAM: "G", Scope.ALL: "A"}
_SCOPES = {letter: scope for scope, letter in _LETTERS.items()} | {"L": Scope.ALL}
_MOST_AT_ONCE = 10
# What `with` may ask for of a person.
WANTS = ("role", "group", "uuid", "amojo_id", "user_rank", "phone_number")


def index(asked: Asked) -> HttpResponse:
    """A page of the people who have, had or may get access."""
    require(asked.actor, PEOPLE.right(Action.VIEW))
    people = [one for one in directory.everyone().values() if one.email]
    page, more, cursor = cursors.among(asked, people, lambda one: one.pk)
    counts = {"_total_items": len(people), "_page_count": max(1, -(-len(people) // asked.limit))}
    told = _drawn(asked, page)
    return answers.page(asked, "users", told, more=more, counts=counts, empty=False, cursor=cursor)


def show(asked: Asked, pk: int) -> HttpResponse:
    """One person; oneself always."""
    if pk != asked.actor.user_id:
        require(asked.actor, PEOPLE.right(Action.VIEW))
    person = directory.everyone().get(pk)
    if person is None:
        raise NotFound
    return answers.told(_drawn(asked, [person])[0])


def _drawn(asked: Asked, people: list[User]) -> list[dict[str, Any]]:
    groups = {group.pk: group.name for group in Group.objects.all()} if "group" in asked.wants else {}
    return [_draw(asked, person, groups) for person in people]


def _draw(asked: Asked, person: User, groups: Mapping[int, str]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": person.pk, "name": person.name, "email": person.email, "lang": person.language,
        "rights": {
            **rights(person.role), "is_admin": person.role.everything, "is_free": person.role.view_only, "is_active": person.is_active,
            "group_id": person.group_id, "role_id": None if person.role.everything else person.role_id,
        },
    }  # fmt: skip
    told |= {name: value for name, value in (("uuid", None), ("amojo_id", None), ("user_rank", None), ("phone_number", person.phone or None)) if name in asked.wants}
    embedded: dict[str, Any] = {}
    if "role" in asked.wants:
        embedded["roles"] = [] if person.role.everything else [{"id": person.role_id, "name": label_of(person.role), "_links": answers.href(asked, f"roles/{person.role_id}")}]
    if "group" in asked.wants:
        embedded["groups"] = [{"id": person.group_id, "name": groups.get(person.group_id or 0, "")}] if person.group_id else []
    return {**told, "_links": answers.href(asked, f"users/{person.pk}"), **({"_embedded": embedded} if embedded else {})}


def rights(role: Role) -> dict[str, Any]:
    """A role's matrix as the API tells it."""
    matrix = {} if role.everything else rights_of(role)

    def letter(entity: str, action: str) -> str:
        return "A" if role.everything else _LETTERS[Scope(matrix.get(f"{entity}.{action}", Scope.NONE))]

    told: dict[str, Any] = {name: {word: letter(entity, action) for word, action in ACTIONS.items()} for name, entity in ENTITIES.items()}
    return {
        **told, "tasks": {word: letter("tasks", word) for word in ("edit", "delete")}, "mail_access": True, "catalog_access": True, "files_access": True,
        "status_rights": None, "catalog_rights": None, "custom_fields_rights": None, "oper_day_reports_view_access": {"view": "A"}, "oper_day_user_tracking": False,
    }  # fmt: skip


def _matrix(given: Item) -> dict[str, int]:
    """The API's letters as our matrix; what is not said is not allowed, and faults are noted."""
    found: dict[str, int] = {}
    for name, entity in (*ENTITIES.items(), ("tasks", "tasks")):
        one = given.beneath(name)
        for word, action in ACTIONS.items():
            letter = one.text(word, most=1).upper()
            if letter and letter not in _SCOPES:
                one.fault(word, "The value you selected is not a valid choice.", code="NotSupportedChoice")
            if letter:
                found[f"{entity}.{action}"] = int(_SCOPES.get(letter, Scope.NONE))
    return found


def make(asked: Asked) -> HttpResponse:
    """Invite people: each gets a mail and chooses a password; one that was sent is not kept."""
    items = items_of(asked.items)
    wanted = [(item, item.text("email", most=254), item.beneath("rights")) for item in items]
    for item, email, _given in wanted:
        if not email:
            item.fault("email", "This value should not be blank.", code="IsBlank")
    settle(items)
    made = []
    for item, email, given in wanted:
        with item.refused_here():
            (person,) = services.invite(asked.actor, emails=[email], role_id=_role_id(given), group_id=given.whole("group_id") or None, language=item.text("lang", most=8) or "en")
            if item.text("name", most=200):
                services.change_profile(asked.actor, pk=person.pk, name=item.text("name", most=200))
        made.append((item, person.pk))
    people = User.objects.select_related("role").in_bulk([pk for _item, pk in made])
    return answers.made(asked, "users", [{**_draw(asked, people[pk], {}), "request_id": item.request_id} for item, pk in made], status=201, _total_items=len(made))


def _role_id(given: Item) -> int:
    """The role that is named; an administrator where the rights say so; else a seller."""
    pk = given.whole("role_id")
    code = "administrator" if given.flag("is_admin") else SELLER
    return pk or Role.objects.values_list("pk", flat=True).get(code=code)


def activate(asked: Asked) -> HttpResponse:
    """Invite people who were deactivated again."""
    for item in _few(asked):
        with item.refused_here():
            services.activate(asked.actor, pk=item.whole("id") or 0)
    return answers.nothing()


def deactivate(asked: Asked) -> HttpResponse:
    """Close people's access; their open work goes to the person of the token, else to an owner."""
    heir = asked.actor.user_id or min((one.pk for one in directory.owners()), default=None)
    for item in _few(asked):
        with item.refused_here():
            services.deactivate(asked.actor, pk=item.whole("id") or 0, to_id=heir)
    return answers.nothing()


def _few(asked: Asked) -> list[Item]:
    if len(asked.items) > _MOST_AT_ONCE:
        raise BadRequest(detail=f"At most {_MOST_AT_ONCE} items in one request.")
    items = items_of(asked.items)
    for item in items:
        if (item.whole("id") or 0) not in directory.everyone():
            item.fault("id", "Entity not found.", code="EntityNotFound")
    settle(items)
    return items


def roles(asked: Asked) -> HttpResponse:
    """A page of the roles."""
    require(asked.actor, PEOPLE.right(Action.VIEW))
    found = list(Role.objects.exclude(code=OWNER))
    page, more, cursor = cursors.among(asked, found, lambda one: one.pk)
    counts = {"_total_items": len(found), "_page_count": max(1, -(-len(found) // asked.limit))}
    return answers.page(asked, "roles", [_role(asked, one) for one in page], more=more, counts=counts, empty=False, cursor=cursor)


def _role(asked: Asked, role: Role) -> dict[str, Any]:
    told: dict[str, Any] = {"id": role.pk, "name": label_of(role), "rights": rights(role), "_links": answers.href(asked, f"roles/{role.pk}")}
    if "users" in asked.wants:
        told["_embedded"] = {"users": [one.pk for one in directory.everyone().values() if one.role_id == role.pk]}
    return told


def show_role(asked: Asked, pk: int) -> HttpResponse:
    """One role."""
    require(asked.actor, PEOPLE.right(Action.VIEW))
    found = Role.objects.filter(pk=pk).first()
    if found is None:
        raise NotFound
    return answers.told(_role(asked, found))


def make_roles(asked: Asked) -> HttpResponse:
    """Add roles."""
    items = items_of(asked.items)
    matrices = [_matrix(item.beneath("rights")) for item in items]
    settle(items)
    made = []
    for item, matrix in zip(items, matrices, strict=True):
        with item.refused_here():
            made.append({**_role(asked, making_roles.add_role(asked.actor, name=item.text("name", most=120), rights=matrix)), "request_id": item.request_id})
    return answers.made(asked, "roles", made, status=201, _total_items=len(made))


def change_role(asked: Asked, pk: int) -> HttpResponse:
    """Rename a role of the firm's own, or decide its matrix."""
    item = Item(asked.item)
    matrix = _matrix(item.beneath("rights")) if item.body.get("rights") else None
    settle([item])
    with item.refused_here():
        role = making_roles.get_role(pk)
        if item.text("name") and item.text("name") != label_of(role):
            role = making_roles.rename_role(asked.actor, pk, name=item.text("name", most=120))
        if matrix is not None:
            role = services.change_rights(asked.actor, role_id=pk, rights={**role.rights, **matrix})
    return answers.told(_role(asked, role), status=202)


def delete_role(asked: Asked, pk: int) -> HttpResponse:
    """Remove a role that nobody has."""
    making_roles.remove_role(asked.actor, pk)
    return answers.nothing()
