"""Asking a provider for something, once: the operation is written before the call, and tried again with the same key (billing.md 2.4).

Never called inside a transaction: a provider's answer takes as long as it takes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, is_dataclass
from datetime import datetime
from typing import Any, TypeVar, cast

from django.db.models import F
from django.utils.dateparse import parse_datetime

from billing.models import BillingAccount
from crm_platform.db import sides
from crm_platform.kernel import clock
from crm_platform.kernel.errors import CrmError

from .models import OpState, ProviderOp
from .protocol import Changed, ProviderUnavailable, Started

T = TypeVar("T")
_SHAPES: dict[str, type[Any]] = {"started": Started, "changed": Changed}


def once(operation: str, kind: str, params: Mapping[str, Any], do: Callable[[str], T], *, account: BillingAccount) -> T:
    """Do it, or give back what it came to when it was done before. `do` is given the key.

    The same operation with other params is another call. After a definite refusal a next try has a key of its own; after an
    answer that was lost it has the same one, so that the provider does nothing twice. Raises what `do` raises.
    """
    row = _written(operation, kind, params, account)
    if row.state == OpState.DONE:
        return cast("T", _read(row.result))
    try:
        result = do(row.key)
    except ProviderUnavailable as error:
        _note(row, error=error.code)
        raise
    except CrmError as error:
        _note(row, error=f"{error.code}: {error}", state=OpState.REFUSED)
        raise
    _note(row, state=OpState.DONE, result=_stored(result))
    return result


def came_true(operation: str) -> None:
    """What was asked under this name is seen to have happened: an answer that was lost is no longer waited for. Inside a control unit."""
    ProviderOp.objects.filter(operation=operation, state=OpState.ASKED).update(state=OpState.DONE, error="", finished_at=clock.real_now())


def digest(params: Mapping[str, Any]) -> str:
    """What `ProviderOp.params` keeps of what was asked."""
    return hashlib.sha256(json.dumps(params, sort_keys=True, default=str).encode()).hexdigest()


def _written(operation: str, kind: str, params: Mapping[str, Any], account: BillingAccount) -> ProviderOp:
    """The row of this wish: the one that is open or done, else the next one."""
    said = digest(params)
    with sides.control_unit():
        BillingAccount.objects.select_for_update().get(pk=account.pk)  # two clicks of one account come one after the other
        tried = list(ProviderOp.objects.filter(operation=operation, params=said).order_by("pk"))
        if tried and tried[-1].state != OpState.REFUSED:
            row = tried[-1]
        else:
            key = f"{operation[:90]}:{said[:12]}:{len(tried) + 1}"
            row = ProviderOp.objects.create(key=key, operation=operation, account=account, provider=account.provider, kind=kind, params=said)
        ProviderOp.objects.filter(pk=row.pk).update(attempts=F("attempts") + 1)
    return row


def _note(row: ProviderOp, *, error: str = "", state: str = OpState.ASKED, result: Mapping[str, Any] | None = None) -> None:
    finished = None if state == OpState.ASKED else clock.real_now()
    with sides.control_unit():
        ProviderOp.objects.filter(pk=row.pk).exclude(state=OpState.DONE).update(state=state, error=error[:2000], result=dict(result or {}), finished_at=finished)


def _stored(result: object) -> dict[str, Any]:
    if is_dataclass(result) and not isinstance(result, type):
        return {"shape": type(result).__name__.lower(), "value": asdict(result)}
    if isinstance(result, datetime):
        return {"shape": "moment", "value": result.isoformat()}
    return {"value": result}


def _read(stored: Mapping[str, Any]) -> object:
    shape, value = stored.get("shape", ""), stored.get("value")
    if shape in _SHAPES:
        return _SHAPES[shape](**cast("dict[str, Any]", value))
    return parse_datetime(str(value)) if shape == "moment" else value
