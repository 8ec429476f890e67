"""Tags: found by their folded word, made where one is new."""

from __future__ import annotations

from collections.abc import Iterable

from crm_core.groundwork.records.ordering import fold
from crm_platform.kernel import versions

from .models import Tag


def tags_of(entity: str) -> dict[int, Tag]:
    """The tags of an entity by id; kept for all entities until one is added or changed, shared: never change them."""
    return {tag.pk: tag for tag in versions.kept("tags", ("tag",), lambda: list(Tag.objects.all())) if tag.entity == entity}


def ids_of(entity: str, names: Iterable[str]) -> list[int]:
    """The ids of tags by name, new ones made; "VIP" and "vip" are one."""
    wanted = {fold(name): name.strip()[:60] for name in names if fold(name)}
    known = {tag.folded: tag.pk for tag in tags_of(entity).values()}
    missing = [folded for folded in wanted if folded[:60] not in known]
    if missing:
        start = len(known)
        made = [Tag(entity=entity, name=wanted[folded], folded=folded[:60], hue=(start + at) % 8 + 1) for at, folded in enumerate(missing)]
        Tag.objects.bulk_create(made, ignore_conflicts=True)
        known = {tag.folded: tag.pk for tag in tags_of(entity).values()}
    return sorted(known[folded[:60]] for folded in wanted)


def known_ids(entity: str, names: Iterable[str]) -> list[int] | None:
    """The ids of tags by name, or None where one of them is new; nothing is made."""
    known = {tag.folded: tag.pk for tag in tags_of(entity).values()}
    found = {known.get(fold(name)[:60]) for name in names if fold(name)}
    return None if None in found else sorted(pk for pk in found if pk is not None)


def names_of(entity: str, ids: Iterable[int]) -> list[str]:
    """The words of tags."""
    known = tags_of(entity)
    return [known[pk].name for pk in ids if pk in known]
