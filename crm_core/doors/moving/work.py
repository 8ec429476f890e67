"""One batch on its way in: what is known of ids on both sides, what was counted, and what has to be told as left."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from crm_core.doors.amocrm.wire.texts import clean
from crm_platform.kernel import reading
from crm_platform.kernel.permissions import Actor

from .models import Left, Move, Moved

Row = dict[str, Any]


@dataclass
class Work:
    """A batch of one move. `moved` is counted by kind; `keep` writes down what came, `leave` what did not, and why."""

    move: Move
    actor: Actor
    counts: dict[str, int] = field(default_factory=dict)

    @cached_property
    def here(self) -> Mapping[str, Any]:
        """What `preparing` found or made."""
        found: Mapping[str, Any] = self.move.choices["here"]
        return found

    def person(self, foreign: Any) -> int | None:
        """Ours for a person over there: whoever is not known there is the mover; 0, which is a robot, is nobody."""
        if foreign in (None, 0, "0"):
            return None
        found: int | None = self.here["users"].get(str(foreign), self.move.started_by_id)
        return found

    def ours(self, kind: str, foreign: Iterable[Any]) -> dict[str, int]:
        """Our ids by the ids over there, of those that came."""
        wanted = {str(one) for one in foreign if one is not None}
        if not wanted:
            return {}
        return dict(Moved.objects.filter(origin=self.move.host, kind=kind, foreign_id__in=wanted).values_list("foreign_id", "our_id"))

    def fresh(self, kind: str, rows: Iterable[Row], *, key: str = "id") -> list[Row]:
        """Those that have not come yet, each once."""
        by_id = {str(row[key])[:80]: row for row in rows if row.get(key) not in (None, "")}
        known = self.ours(kind, by_id)
        return [row for pk, row in by_id.items() if pk not in known]

    def keep(self, kind: str, pairs: Iterable[tuple[Any, int]], *, count: bool = True) -> None:
        """Remember what came: (id over there, our id)."""
        made = [Moved(origin=self.move.host, kind=kind, foreign_id=str(foreign)[:80], our_id=ours, move=self.move) for foreign, ours in pairs]
        Moved.objects.bulk_create(made)
        if count:
            self.counts[kind] = self.counts.get(kind, 0) + len(made)

    def leave(self, kind: str, foreign: Any, name: Any, reason: Any) -> None:
        """Say that something was not moved, or not whole."""
        Left.objects.create(move=self.move, kind=kind, foreign_id=str(foreign or "")[:80], name=clean(str(name or ""))[:250], reason=str(reason)[:2000])

    def settle(self) -> None:
        """Add what was counted to the move's totals."""
        self.move.totals = {**self.move.totals, **{kind: self.move.totals.get(kind, 0) + number for kind, number in self.counts.items()}}


def moment(value: Any) -> datetime | None:
    """A moment of the wire; None for nothing and for what is none."""
    return None if value in (None, "", 0) else reading.moment(value)


def embedded(row: Mapping[str, Any], name: str) -> list[Row]:
    """The rows beneath `_embedded`; nothing for any other shape."""
    beneath = row.get("_embedded")
    rows = beneath.get(name) if isinstance(beneath, dict) else None
    return [one for one in rows if isinstance(one, dict)] if isinstance(rows, list) else []
