"""The verbs of stored things: they ask the right, keep, and announce, like all verbs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from crm_platform.accounts.roles import SETTINGS
from crm_platform.events.backbone import Change, emit_all
from crm_platform.kernel import clock, permissions
from crm_platform.kernel.errors import Invalid, NotFound
from crm_platform.kernel.permissions import Actor, Entity, require

from .models import Stored

# Things of the firm's daily work, which people with rights on them may write; all else is a setting.
STORED = permissions.register(Entity("stored", _("Things of other programs"), scoped=False))
_SETTINGS = frozenset({
    "field_group", "source", "button", "widget", "template", "customer_status", "customers_mode", "segment", "catalog", "products_settings", "bot",
})  # fmt: skip
LARGEST = 100_000


def may(actor: Actor, kind: str, action: str) -> None:
    """Raise Forbidden (ReadOnly) unless the actor may do this to things of the kind."""
    require(actor, SETTINGS.right("edit") if kind in _SETTINGS and action != "view" else STORED.right(action))


def rows(actor: Actor, kind: str, *, parent_id: int | None = None) -> QuerySet[Stored]:
    """The things of a kind, oldest first."""
    may(actor, kind, "view")
    found = Stored.objects.filter(kind=kind, deleted_at=None).order_by("pk")
    return found if parent_id is None else found.filter(parent_id=parent_id)


def get(actor: Actor, kind: str, pk: int, *, parent_id: int | None = None, lock: bool = False) -> Stored:
    """One thing; raises NotFound."""
    found = rows(actor, kind, parent_id=parent_id).filter(pk=pk)
    row = (found.select_for_update() if lock else found).first()
    if row is None:
        raise NotFound
    return row


def by_key(actor: Actor, kind: str, key: str) -> Stored | None:
    """The thing of that name."""
    return rows(actor, kind).filter(key=key).first() if key else None


def add(actor: Actor, kind: str, given: Sequence[Mapping[str, Any]], *, parent_id: int | None = None) -> list[Stored]:
    """Keep things: each is `{"body": …, "key": …, "custom": …, "created_at": …, "created_by": …}`. Raises Invalid for what is too large."""
    may(actor, kind, "create")
    now = clock.now()
    made = [
        Stored(
            kind=kind, parent_id=one.get("parent_id", parent_id), key=str(one.get("key", ""))[:300], body=_bounded(one.get("body", {})), custom=one.get("custom", {}),
            created_at=one.get("created_at") or now, updated_at=one.get("created_at") or now, created_by=one.get("created_by") or actor.user_id, updated_by=actor.user_id,
        )
        for one in given
    ]  # fmt: skip
    try:
        with transaction.atomic():
            Stored.objects.bulk_create(made)
    except IntegrityError:
        raise Invalid(fields={"external_id": [_("There is one of this name already.")]}) from None
    emit_all(actor, [Change(name=f"{kind}.added", entity=kind, record_id=row.pk, after={"parent_id": row.parent_id, **row.body}) for row in made])
    return made


def _bounded(body: Mapping[str, Any]) -> dict[str, Any]:
    if len(str(body)) > LARGEST:
        raise Invalid(fields={"body": [_("This is too large to be kept.")]})
    return dict(body)


def said(row: Stored) -> dict[str, Any]:
    """The fields that a program gave it, without our numbers of its tags: those are told as tags."""
    return {name: value for name, value in row.body.items() if name != "tag_ids"}


def change(actor: Actor, row: Stored, *, body: Mapping[str, Any] | None = None, custom: Mapping[str, Any] | None = None, key: str | None = None) -> Stored:
    """Change a thing whose row is locked: `body` and `custom` are laid over what is there. Nothing is announced where nothing differs."""
    may(actor, row.kind, "edit")
    after = _bounded({**row.body, **(body or {})})
    values = {name: value for name, value in {**row.custom, **(custom or {})}.items() if value not in (None, "", [])}
    named = row.key if key is None else key[:300]
    if after == row.body and values == row.custom and named == row.key:
        return row
    if named and named != row.key and Stored.objects.filter(kind=row.kind, key=named, deleted_at=None).exists():
        raise Invalid(fields={"external_id": [_("There is one of this name already.")]})
    before = {name: value for name, value in row.body.items() if after.get(name) != value}
    told = {name: after[name] for name in body or {} if row.body.get(name) != after[name]}
    row.body, row.custom, row.key, row.updated_at, row.updated_by = after, values, named, clock.now(), actor.user_id
    row.save()
    emit_all(actor, [Change(name=f"{row.kind}.changed", entity=row.kind, record_id=row.pk, before=before, after=told)])
    return row


def remove(actor: Actor, kind: str, pks: Sequence[int]) -> int:
    """Take things away; they are kept for the journal. Returns how many; raises NotFound where none of them is there."""
    may(actor, kind, "delete")
    found = list(Stored.objects.select_for_update().filter(kind=kind, pk__in=pks, deleted_at=None))
    if not found:
        raise NotFound
    Stored.objects.filter(pk__in=[row.pk for row in found]).update(deleted_at=clock.now(), updated_by=actor.user_id)
    emit_all(actor, [Change(name=f"{kind}.deleted", entity=kind, record_id=row.pk, before=row.body) for row in found])
    return len(found)


def unlink(actor: Actor, row: Stored) -> None:
    """Take a link away: who may change what is linked may do so."""
    may(actor, row.kind, "edit")
    row.deleted_at, row.updated_by = clock.now(), actor.user_id
    row.save(update_fields=["deleted_at", "updated_by"])
    emit_all(actor, [Change(name=f"{row.kind}.deleted", entity=row.kind, record_id=row.pk, before={"parent_id": row.parent_id, **row.body})])
