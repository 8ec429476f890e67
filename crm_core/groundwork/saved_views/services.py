"""Views that people keep of a list."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qsl, urlencode

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm_platform.accounts.roles import SETTINGS
from crm_platform.events.backbone import emit
from crm_platform.kernel import versions
from crm_platform.kernel.errors import Invalid, NotFound
from crm_platform.kernel.permissions import Actor, may, require
from crm_platform.kernel.reading import without_nul

from .models import SavedView

_NOT_KEPT = frozenset({"page", "rows"})


def views_of(actor: Actor, entity: str) -> list[SavedView]:
    """The actor's own views of an entity's list, and those shared with all."""
    mine = Q(owner=None) | Q(owner=actor.user_id)
    return versions.kept(f"views.{entity}.{actor.user_id}", ("saved_view",), lambda: list(SavedView.objects.filter(mine, entity=entity)))


def rights_on(actor: Actor, shown: int | None, views: Sequence[SavedView]) -> dict[str, bool]:
    """What the actor may do with views: share one with all, and remove the one shown."""
    may_share = may(actor, SETTINGS.right("edit"))
    view = next((one for one in views if one.pk == shown), None)
    return {"may_share": may_share, "may_remove_view": view is not None and (may_share or view.owner_id is not None)}


def address(view: SavedView) -> str:
    """What follows the question mark."""
    return urlencode([*view.query.items(), ("view", view.pk)])


def save(actor: Actor, *, entity: str, name: str, query: str, shared: bool) -> SavedView:
    """Keep a list's address under a name; sharing it with all is an administrator's."""
    name = name.strip()[:80]
    if not name:
        raise Invalid(fields={"name": [_("Give the view a name.")]})
    if shared:
        require(actor, SETTINGS.right("edit"))
    kept = {without_nul(key): without_nul(value)[:200] for key, value in parse_qsl(query) if key not in _NOT_KEPT and key != "view"}
    owner = None if shared else actor.user_id
    view, _made = SavedView.objects.update_or_create(entity=entity, name=name, owner_id=owner, defaults={"query": kept})
    emit(actor, "view.saved", entity="view", record_id=view.pk, after={"name": name, "entity": entity})
    return view


def remove(actor: Actor, pk: int) -> None:
    """Take a view away; a shared one is an administrator's."""
    view = SavedView.objects.filter(pk=pk).filter(Q(owner=None) | Q(owner=actor.user_id)).first()
    if view is None:
        raise NotFound
    if view.owner_id is None:
        require(actor, SETTINGS.right("edit"))
    view.delete()
    emit(actor, "view.removed", entity="view", record_id=pk)
