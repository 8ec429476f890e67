"""Finding records by part of a name, by phone digits in any notation, by e-mail, as one types."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db.models import Q, QuerySet
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

from crm_core.groundwork.records import registry
from crm_core.groundwork.records.ordering import fold
from crm_platform.accounts import directory
from crm_platform.db.prepared import Prepared
from crm_platform.kernel.permissions import Actor, Scope

from .models import SearchRow

CANDIDATES = 72
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
_WILD, _ESCAPED = re.compile(r"([%_\\])"), r"\\\1"


def words_of(text: str) -> list[str]:
    """What is looked for: the folded words; a phone in any notation, whole or begun, becomes its digits without 0, 00, 8 or the country's code before them.

    Fewer digits find more, never less: a number kept with its country's code, and one kept without, both hold the rest.
    """
    text = text.replace("\0", " ").strip()  # a NUL the database refuses
    if _PHONE.match(text):
        digits = _national(text)
        if len(digits) >= 3:
            return [digits]
    return fold(text).split()[:8]


def _national(text: str) -> str:
    """The digits of a phone after the prefixes that one may write or leave out; the prefix stays where little would be left."""
    digits = _NOT_DIGITS.sub("", text).lstrip("0")
    if text.lstrip("( ").startswith(("+", "00")):
        length = next((size for size in (1, 2, 3) if digits[:size].isdecimal() and int(digits[:size]) in COUNTRY_CODE_TO_REGION_CODE), 0)
    else:
        length = 1 if digits.startswith("8") else 0
    return digits[length:] if len(digits) - length >= 5 else digits


def condition(words: Sequence[str]) -> Q:
    """All words are in the text; the pieces let the index answer."""
    return Q(pieces__holds=_pieces(words), text__all_like=_patterns(words))


def _pieces(words: Sequence[str]) -> list[str]:
    """As few pieces as leave little to confirm: the index pays for each.

    Every third letter begins one, and the last three letters are one. Of a phone only the last five digits count: countries
    and networks share the first.
    """
    pieces: list[str] = []
    for word in words:
        if len(word) < 3:
            pieces.append("^" + word)
        elif word.isdecimal() and len(word) > 5:
            pieces.extend((word[-3:], word[-4:-1], word[-5:-2]))
        else:
            pieces.extend(word[at : at + 3] for at in (*range(0, len(word) - 3, 3), len(word) - 3))
    return list(dict.fromkeys(pieces))


def _patterns(words: Sequence[str]) -> list[str]:
    """What LIKE confirms of the words that the pieces only suggest."""
    return [f"%{_WILD.sub(_ESCAPED, word)}%" for word in words if len(word) >= 3]


def reach(actor: Actor) -> tuple[list[str], Q]:
    """What the actor may see: the kinds of which all, and a condition for the records of the others."""
    all_of, some = [], Q()
    for kind in registry.kinds():
        scope = actor.scope_for(kind.entity.VIEW)
        if scope == Scope.ALL:
            all_of.append(kind.code)
        elif scope == Scope.TEAM:
            some |= Q(entity=kind.code, responsible_id__in=[actor.user_id, *directory.in_group(actor.group_id)])
        elif scope == Scope.OWN:
            some |= Q(entity=kind.code, responsible_id=actor.user_id)
    return all_of, some


def _columns(rows: QuerySet[SearchRow]) -> QuerySet[SearchRow, tuple[Any, ...]]:
    return rows.values_list(*_COLUMNS)[:CANDIDATES]


_AMONG_KINDS = Prepared(SearchRow, lambda pieces, patterns, kinds: _columns(SearchRow.objects.filter(pieces__holds=pieces, text__all_like=patterns, entity__among=kinds)))


def find(actor: Actor, text: str, *, most: int = 12, entities: Sequence[str] = ()) -> list[Match]:
    """The best matches: titles that begin with the words first, then words that begin with them, then the rest."""
    words = words_of(text)
    if not words:
        return []
    all_of, some = reach(actor)
    if some:
        rows = SearchRow.objects.filter(condition(words)).filter(some | Q(entity__among=all_of))
        found = list(_columns(rows.filter(entity__in=list(entities)) if entities else rows))
    else:
        kinds = [code for code in all_of if code in entities] if entities else all_of
        found = _AMONG_KINDS.rows(pieces=_pieces(words), patterns=_patterns(words), kinds=kinds)
    return sorted((Match(*row) for row in found), key=lambda row: _rank(row, words))[:most]


def matching_ids(actor: Actor, entity: str, text: str) -> Any:
    """The ids of an entity's records that match: a sub-query for lists."""
    words = words_of(text)
    return SearchRow.objects.filter(condition(words), entity=entity).values("record_id")


# As one types, the same titles come again with every letter.
_folded = functools.lru_cache(maxsize=16384)(fold)


def _rank(row: Match, words: Sequence[str]) -> tuple[int, int, int, str]:
    title = _folded(row.title)
    first = 0 if title.startswith(words[0]) else 1 if f" {words[0]}" in title else 2
    return first, -row.weight, len(title), title
