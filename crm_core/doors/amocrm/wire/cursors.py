"""Where a page ended: the next one begins behind its last row, so that what is made, deleted or decided meanwhile moves nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeVar

from django.db.models import Model, Q, QuerySet

from .asking import Asked, whole

M = TypeVar("M", bound=Model)


def page_of(asked: Asked, rows: QuerySet[M], field: str, *, down: bool) -> tuple[list[M], bool, str]:
    """A page of rows in the order of a field (a moment, or "id") and of their ids, whether more follow, and the cursor of the next.

    Without a cursor the page's number counts, as ever.
    """
    behind, way = condition(asked.query.get("cursor", ""), field, down=down), "-" if down else ""
    ordered = rows.order_by(*dict.fromkeys([f"{way}{field}", f"{way}id"]))
    page, more = asked.stretch(ordered.filter(behind) if behind else ordered, first=0 if behind else None)
    return page, more, after(page[-1], field) if more else ""


def after(row: Any, field: str) -> str:
    """The cursor behind a row."""
    moment = "" if field == "id" else int(getattr(row, field).timestamp() * 1_000_000)
    return f"{moment}.{row.pk}"


def condition(cursor: Any, field: str, *, down: bool) -> Q | None:
    """What stands behind a cursor; None for none, or what is no cursor of this order."""
    moment, dot, pk = cursor.partition(".") if isinstance(cursor, str) else ("", "", "")
    if not dot or not whole(pk):
        return None
    step = "lt" if down else "gt"
    if field == "id":
        return Q(**{f"id__{step}": whole(pk)})
    try:
        at = datetime.fromtimestamp(whole(moment) / 1_000_000, UTC)
    except (OverflowError, OSError, ValueError):
        return None
    return Q(**{f"{field}__{step}": at}) | Q(**{field: at, f"id__{step}": whole(pk)})
