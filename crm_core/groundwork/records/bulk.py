"""One verb for many rows of a list: for those chosen by hand, or for all that its filters leave, a thousand at a time.

"All" takes rows that the verb would still change, so that choosing all again goes on with the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from django.db.models import Q
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm_core.groundwork.tags import services as tags
from crm_platform.accounts import directory
from crm_platform.kernel.errors import Invalid
from crm_platform.kernel.permissions import Actor, Scope
from crm_platform.kernel.reading import whole, wholes
from crm_platform.ui.markup import figure

from . import writing
from .drawing import MOST_AT_ONCE

if TYPE_CHECKING:
    from .desk import Desk


@dataclass(frozen=True, slots=True)
class Verb:
    """What is done to each record: the right it needs, the values it gives (None: to the bin), and which records have them already."""

    right: str
    values: Callable[[Any], dict[str, Any]] | None = None
    done: Q | None = None


@dataclass(slots=True)
class Chosen:
    """The rows of this turn; `left` are not the actor's, `waiting` come with the next turn."""

    pks: list[int] = field(default_factory=list)
    left: int = 0
    waiting: int = 0


def run(desk: Desk, request: HttpRequest) -> str:
    """Do what the list's form asks; returns what was done, in words. Raises Invalid for a verb there is not."""
    actor = request.actor  # type: ignore[attr-defined]
    verb = _verb(desk, request.POST)
    chosen = _chosen(desk, request, actor, verb)
    if not chosen.pks and request.POST.get("everything") != "1":
        return _("Nothing was chosen.")
    if verb.values is None:
        count = len(writing.put_in_bin(actor, desk.kind, chosen.pks)) if chosen.pks else 0
        said = ngettext("%(n)d is in the bin, for 90 days.", "%(n)d are in the bin, for 90 days.", count) % {"n": count}
    else:
        count, left = _change_all(desk, actor, chosen.pks, verb.values)
        chosen.left += left
        said = ngettext("%(n)d changed.", "%(n)d changed.", count) % {"n": count}
    if chosen.left:
        said += " " + ngettext("%(n)d is not yours to change.", "%(n)d are not yours to change.", chosen.left) % {"n": chosen.left}
    if chosen.waiting:
        waiting = figure(chosen.waiting)
        said += " " + ngettext("%(n)s is left: choose all again for the rest.", "%(n)s are left: choose all again for the rest.", chosen.waiting) % {"n": waiting}
    return said


def _verb(desk: Desk, given: QueryDict) -> Verb:
    match given.get("verb", ""):
        case "bin":
            return Verb("delete")
        case "responsible":
            person = whole(given.get("responsible"))
            if person is not None and person not in directory.everyone():
                raise Invalid(fields={"responsible": [_("Choose someone who works here.")]})
            return Verb("edit", lambda record: {"responsible_id": person}, Q(responsible=person))
        case "tag":
            names = given.get("tags", "").split(",")
            # Made with the first record that may be changed: a new tag is written for nobody else.
            added = cache(lambda: tags.ids_of(desk.kind.code, names))
            known = tags.known_ids(desk.kind.code, names)
            return Verb("edit", lambda record: {"tag_ids": sorted({*record.tag_ids, *added()})}, None if known is None else Q(tag_ids__contains=known))
    raise Invalid


def _chosen(desk: Desk, request: HttpRequest, actor: Actor, verb: Verb) -> Chosen:
    if request.POST.get("everything") != "1":
        pks = wholes(",".join(request.POST.getlist("chosen")))
        return Chosen(pks[:MOST_AT_ONCE], waiting=max(0, len(pks) - MOST_AT_ONCE))
    rows, _chips = desk.narrowed(actor, request.GET)
    rows = rows.order_by("pk") if verb.done is None else rows.exclude(verb.done).order_by("pk")
    mine = rows.filter(desk.reach(actor, action=verb.right))
    pks = list(mine.values_list("pk", flat=True)[: MOST_AT_ONCE + 1])
    count = mine.count() if len(pks) > MOST_AT_ONCE else len(pks)
    left = 0 if actor.scope_for(desk.kind.entity.right(verb.right)) == Scope.ALL else rows.count() - count
    return Chosen(pks[:MOST_AT_ONCE], left=left, waiting=max(0, count - MOST_AT_ONCE))


def _change_all(desk: Desk, actor: Actor, pks: Sequence[int], values: Callable[[Any], dict[str, Any]]) -> tuple[int, int]:
    changed = left = 0
    for record in desk.kind.model.objects.select_for_update().filter(pk__in=pks, binned_at=None).order_by("pk"):
        if not writing.may(actor, desk.kind.entity.EDIT, record):
            left += 1
        elif writing.change_locked(actor, desk.kind, record, values(record)):
            changed += 1
    return changed, left
