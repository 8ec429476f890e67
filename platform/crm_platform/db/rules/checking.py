"""Everything the house has, before the rules: all migrations of ours in their order, and the SQL in the program."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.migrations.loader import MigrationLoader

from . import releases, sources
from .findings import Finding
from .judging import judge


def everything(listed: Iterable[Mapping[str, Any]] | None = None) -> list[Finding]:
    """What is wrong with migrations, releases.json (or a list in its place) and the program's SQL. Needs no database."""
    loader = MigrationLoader(None)
    past = releases.Past(loader, releases.written() if listed is None else listed)
    if past.unknown:
        return [Finding("platform/docs/releases.json", f"{label}.{name}", "releases") for label, name in past.unknown]
    return [*_migrations(loader, past), *sources.of_house()]


def _migrations(loader: MigrationLoader, past: releases.Past) -> list[Finding]:
    found, seen = [], set()
    state = loader.project_state([])
    for leaf in sorted(loader.graph.leaf_nodes()):
        for key in loader.graph.forwards_plan(leaf):
            if key in seen:
                continue
            seen.add(key)
            migration = loader.get_migration(*key)
            if releases.ours(key[0]):
                found += judge(migration, state, past)
                if found and found[-1].code == "unreadable":
                    return found  # the state stands still in the middle of it
            else:
                state = migration.mutate_state(state, preserve=False)
    return found
