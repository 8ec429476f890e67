"""Verbs of companies: the engine's, under the field's names, and finding one by its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crm_core.groundwork.records import writing
from crm_core.people import reaching
from crm_platform.kernel.permissions import Actor

from .kind import COMPANY
from .models import Company


def create_company(actor: Actor, **values: Any) -> Company:
    """Make a company; see `writing.create`."""
    made: Company = writing.create(actor, COMPANY, values)
    return made


def create_companies(actor: Actor, rows: Sequence[Mapping[str, Any]]) -> list[Company]:
    """Make many in a constant number of statements."""
    return writing.create_many(actor, COMPANY, rows)


def change_company(actor: Actor, pk: int, *, version: int | None = None, **values: Any) -> Company:
    """Change one; see `writing.change`."""
    changed: Company = writing.change(actor, COMPANY, pk, values, version=version)
    return changed


def by_names(names: Sequence[str]) -> dict[str, Company]:
    """Companies by folded name key ("n:…"), the oldest of equals; the bin left out."""
    keys = list(dict.fromkeys(reaching.name_key(name) for name in names if name.strip()))
    found: dict[str, Company] = {}
    for company in Company.objects.filter(pk__in=reaching.with_keys(Company, keys), binned_at=None).order_by("-id") if keys else ():
        found[reaching.name_key(company.name)] = company
    return found


def named(actor: Actor, name: str) -> Company | None:
    """The company of a name, made where there is none; None for an empty name."""
    if not name.strip():
        return None
    return by_names([name]).get(reaching.name_key(name)) or create_company(actor, name=name)
