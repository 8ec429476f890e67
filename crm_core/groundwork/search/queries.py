"""Finding records by part of a name, by phone digits in any notation, by e-mail, as one types."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db.models import Q

from crm_core.groundwork.records import registry
from crm_core.groundwork.records.ordering import fold
from crm_platform.accounts import directory
from crm_platform.kernel.permissions import Actor, Scope

from .models import SearchRow

CANDIDATES = 120
_COLUMNS = ("entity", "record_id", "title", "subtitle", "weight")


class Match(NamedTuple):
    """A found record: what is shown of it, and where it is."""

    entity: str
    record_id: int
    title: str
    subtitle: str
    weight: int


_NOT_DIGITS = re.compile(r"\D+")
_PHONE = re.compile(r"[\d\s()+./-]{4,}\Z")


def words_of(text: str) -> list[str]:
    """What is looked for: the folded words; a phone in any notation becomes its digits without a leading 0, 00 or 8."""
    text = text.strip()
    if _PHONE.match(text):
        digits = _NOT_DIGITS.sub("", text).lstrip("0")
        if len(digits) == 11 and digits.startswith("8"):
            digits = digits[1:]
        if len(digits) >= 3:
            return [digits]
    return fold(text).split()[:8]


def condition(words: Sequence[str]) -> Q:
    """All words are in the text; the pieces let the index answer."""
    pieces: list[str] = []
    where = Q()
    for word in words:
        if len(word) < 3:
            pieces.append("^" + word)
        else:
            pieces.extend(word[at : at + 3] for at in range(len(word) - 2))
            where &= Q(text__contains=word)
    return Q(pieces__contains=list(dict.fromkeys(pieces))) & where


def reach(actor: Actor) -> Q:
    """Only what the actor may see, entity by entity."""
    allowed = Q(pk__in=[])
    everything: list[str] = []
    for kind in registry.kinds():
        scope = actor.scope_for(kind.entity.VIEW)
        if scope == Scope.ALL:
            everything.append(kind.code)
        elif scope == Scope.TEAM:
            allowed |= Q(entity=kind.code, responsible_id__in=[actor.user_id, *directory.in_group(actor.group_id)])
        elif scope == Scope.OWN:
            allowed |= Q(entity=kind.code, responsible_id=actor.user_id)
    return allowed | Q(entity__in=everything) if everything else allowed


def find(actor: Actor, text: str, *, most: int = 12, entities: Sequence[str] = ()) -> list[Match]:
    """The best matches: titles that begin with the words first, then words that begin with them, then the rest."""
    words = words_of(text)
    if not words:
        return []
    rows = SearchRow.objects.filter(condition(words)).filter(reach(actor))
    if entities:
        rows = rows.filter(entity__in=list(entities))
    found = [Match(*row) for row in rows.values_list(*_COLUMNS)[:CANDIDATES]]
    return sorted(found, key=lambda row: _rank(row, words))[:most]


def matching_ids(actor: Actor, entity: str, text: str) -> Any:
    """The ids of an entity's records that match: a sub-query for lists."""
    words = words_of(text)
    return SearchRow.objects.filter(condition(words), entity=entity).values("record_id")


def _rank(row: Match, words: Sequence[str]) -> tuple[int, int, int, str]:
    title = fold(row.title)
    first = 0 if title.startswith(words[0]) else 1 if f" {words[0]}" in title else 2
    return first, -row.weight, len(title), title
