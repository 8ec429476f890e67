"""Which fields of a change can be put back, and what goes back with them. Slices add rules for fields that do not stand alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from crm_core.groundwork.records.registry import Kind
from crm_platform.events.models import Event


@dataclass(frozen=True, slots=True)
class Rule:
    """`along` names fields of the same change that are put back too; `possible` says whether this one can be."""

    along: tuple[str, ...] = ()
    possible: Callable[[Event], bool] = lambda event: True


_PLAIN = Rule()
_rules: dict[tuple[str, str], Rule] = {}


def rule(entity: str, name: str, *, along: tuple[str, ...] = (), possible: Callable[[Event], bool] = lambda event: True) -> None:
    """Register the rule of a field."""
    _rules[entity, name] = Rule(along, possible)


def fields_back(event: Event, kind: Kind, name: str) -> list[str]:
    """The fields that are written when `name` is put back; none where it cannot be."""
    attribute, own = kind.attribute(name), _rules.get((kind.code, name), _PLAIN)
    if attribute is None or not attribute.put_back or name not in event.before or not own.possible(event):
        return []
    return [name, *(other for other in own.along if other in event.before)]
