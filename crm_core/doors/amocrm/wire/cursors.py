"""Where a page ended: the next one begins behind its last row, so that what is made, deleted or decided meanwhile moves nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar

from django.db.models import Model, Q, QuerySet

from .asking import Asked, whole

M = TypeVar("M", bound=Model)
T = TypeVar("T")


def page_of(asked: Asked, rows: QuerySet[M], field: str, *, down: bool) -> tuple[list[M], bool, str]:
    """A page of rows in the order of a field (a moment, or "id") and of their ids, whether more follow, and the cursor of the next.

    Without a cursor the page's number counts, as ever.
    """
    behind, way = condition(asked.query.get("cursor", ""), field, down=down), "-" if down else ""
    ordered = rows.order_by(*dict.fromkeys([f"{way}{field}", f"{way}id"]))
    page, more = asked.stretch(ordered.filter(behind) if behind else ordered, first=0 if behind else None)
    return page, more, after(page[-1], field) if more else ""


def among(asked: Asked, items: Iterable[T], number: Callable[[T], int], *, down: bool = False) -> tuple[list[T], bool, str]:
    """The same for what is in memory, put in the order of its numbers."""
    ordered = sorted(items, key=number, reverse=down)
    behind = _pk(asked.query.get("cursor"))
    if behind:
        ordered = [one for one in ordered if (number(one) < behind if down else number(one) > behind)]
    page, more = asked.stretch(ordered, first=0 if behind else None)
    return page, more, f".{number(page[-1])}" if more else ""


def after(row: Any, field: str) -> str:
    """The cursor behind a row."""
    moment = "" if field == "id" else int(getattr(row, field).timestamp() * 1_000_000)
    return f"{moment}.{row.pk}"


def condition(cursor: Any, field: str, *, down: bool) -> Q | None:
    """What stands behind a cursor; None for none, or what is no cursor of this order."""
    pk, step = _pk(cursor), "lt" if down else "gt"
    if not pk:
        return None
    if field == "id":
        return Q(**{f"id__{step}": pk})
    try:
        at = datetime.fromtimestamp(whole(cursor.partition(".")[0]) / 1_000_000, UTC)
    except (OverflowError, OSError, ValueError):
        return None
    return Q(**{f"{field}__{step}": at}) | Q(**{field: at, f"id__{step}": pk})


def _pk(cursor: Any) -> int:
    """The id that a cursor stands behind; 0 for what is no cursor."""
    return whole(cursor.partition(".")[2]) if isinstance(cursor, str) else 0
