"""Tags: found by their folded word, made where one is new."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from django.utils.translation import gettext_lazy as _

from crm_core.groundwork.records.ordering import fold
from crm_platform.accounts.roles import SETTINGS
from crm_platform.events.backbone import Change, emit_all
from crm_platform.kernel import versions
from crm_platform.kernel.errors import Invalid, NotFound
from crm_platform.kernel.permissions import Action, Actor, require

from . import palette
from .models import Tag

_NONE: Mapping[str, str] = {}


def tags_of(entity: str) -> dict[int, Tag]:
    """The tags of an entity by id; kept for all entities until one is added or changed, shared: never change them."""
    return versions.kept("tags", ("tag",), _by_entity).get(entity, {})


def _by_entity() -> dict[str, dict[int, Tag]]:
    found: dict[str, dict[int, Tag]] = {}
    for tag in Tag.objects.all():
        found.setdefault(tag.entity, {})[tag.pk] = tag
    return found


def ids_of(entity: str, names: Iterable[str], *, by: Actor | None = None, colours: Mapping[str, str] = _NONE) -> list[int]:
    """The ids of tags by name, new ones made; "VIP" and "vip" are one. `by` is named in the journal (an import, for its undo).

    `colours`: what new ones get, of `palette.HUES`, by their folded names; a tag that is there keeps its own.
    """
    wanted = {fold(name): name.strip()[:60] for name in names if fold(name)}
    known = {tag.folded: tag.pk for tag in tags_of(entity).values()}
    missing = [folded for folded in wanted if folded[:60] not in known]
    if missing:
        start = len(known)
        made = [_fresh(entity, wanted[folded], folded, colours.get(folded, ""), usual=(start + at) % 8 + 1) for at, folded in enumerate(missing)]
        Tag.objects.bulk_create(made, ignore_conflicts=True)
        known = {tag.folded: tag.pk for tag in tags_of(entity).values()}
        if by is not None:
            emit_all(by, [Change(name="tag.added", entity="tag", record_id=known[tag.folded], after={"entity": entity, "name": tag.name}) for tag in made])
    return sorted(known[folded[:60]] for folded in wanted)


def _fresh(entity: str, name: str, folded: str, colour: str, *, usual: int) -> Tag:
    return Tag(entity=entity, name=name, folded=folded[:60], colour=colour, hue=palette.HUES.get(colour, usual))


def known_ids(entity: str, names: Iterable[str]) -> list[int] | None:
    """The ids of tags by name, or None where one of them is new; nothing is made."""
    known = {tag.folded: tag.pk for tag in tags_of(entity).values()}
    found = {known.get(fold(name)[:60]) for name in names if fold(name)}
    return None if None in found else sorted(pk for pk in found if pk is not None)


def rename(actor: Actor, entity: str, pk: int, *, name: str) -> Tag:
    """Another word for a tag, on every record that carries it. Raises Forbidden, NotFound; Invalid (field `name`) for no word, or one that another tag has."""
    tag = _locked(actor, entity, pk)
    word, folded = name.strip()[:60], fold(name)[:60]
    if not folded:
        raise Invalid(fields={"name": [_("Give the tag a word.")]})
    if Tag.objects.filter(entity=entity, folded=folded).exclude(pk=pk).exists():
        raise Invalid(fields={"name": [_("There is another tag of this word.")]})
    before = tag.name
    if word != before:
        tag.name, tag.folded = word, folded
        tag.save(update_fields=["name", "folded"])
        emit_all(actor, [Change(name="tag.renamed", entity="tag", record_id=pk, before={"name": before}, after={"entity": entity, "name": word})])
    return tag


def recolour(actor: Actor, entity: str, pk: int, *, colour: str) -> Tag:
    """Another colour for a tag, of `palette.HUES`, or "" for none chosen; screens show the nearest hue. Raises Forbidden, NotFound, Invalid (field `colour`)."""
    tag = _locked(actor, entity, pk)
    if colour and colour not in palette.HUES:
        raise Invalid(fields={"colour": [_("There is no such colour.")]})
    before = tag.colour
    if colour != before:
        tag.colour, tag.hue = colour, palette.HUES.get(colour, tag.hue)
        tag.save(update_fields=["colour", "hue"])
        emit_all(actor, [Change(name="tag.recoloured", entity="tag", record_id=pk, before={"colour": before}, after={"entity": entity, "colour": colour})])
    return tag


def _locked(actor: Actor, entity: str, pk: int) -> Tag:
    require(actor, SETTINGS.right(Action.EDIT))
    tag = Tag.objects.select_for_update().filter(entity=entity, pk=pk).first()
    if tag is None:
        raise NotFound
    return tag


def remove(actor: Actor, pks: Sequence[int]) -> int:
    """Take tags away; records that carry one show it no longer. Returns how many."""
    rows = list(Tag.objects.filter(pk__in=pks))
    Tag.objects.filter(pk__in=[tag.pk for tag in rows]).delete()
    emit_all(actor, [Change(name="tag.removed", entity="tag", record_id=tag.pk, before={"entity": tag.entity, "name": tag.name}) for tag in rows])
    return len(rows)


def names_of(entity: str, ids: Iterable[int]) -> list[str]:
    """The words of tags."""
    known = tags_of(entity)
    return [known[pk].name for pk in ids if pk in known]
