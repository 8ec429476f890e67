"""What those who only name a record ask of it: its name, and what decides who may see and change it."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Model

from crm_platform.db.prepared import Prepared


class Standing(NamedTuple):
    """Enough of a record for `writing.may`."""

    pk: int
    name: str
    responsible_id: int | None
    binned_at: datetime | None


@functools.cache
def _of(model: type[Model]) -> Prepared[tuple[Any, ...]]:
    return Prepared(model, lambda pks: model._default_manager.filter(pk__among=pks).order_by().values_list(*Standing._fields))


def standing_of(model: type[Model], pks: Iterable[int]) -> list[Standing]:
    """The records of a kind by their keys, in one statement; what is gone for good is not among them."""
    return [Standing._make(row) for row in _of(model).rows(pks=list(pks))]
