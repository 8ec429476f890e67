"""Which release a migration came with: `releases.json` lists, for each release, the leaf of every application (decision 0010)."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

Key = tuple[str, str]


def path() -> Path:
    """Where the list stands."""
    return Path(settings.ROOT, "platform/docs/releases.json")


def written() -> list[dict[str, Any]]:
    """The releases as they are listed, oldest first."""
    listed: list[dict[str, Any]] = json.loads(path().read_text())["releases"]
    return listed


@dataclass(frozen=True, slots=True)
class Marks:
    """What a migration says of itself: its step, what it follows, how many rows a batch has."""

    step: Any = "expand"
    after: Any = ()
    batch: int | None = None

    @staticmethod
    def of(migration: Migration) -> Marks:
        """Read from the migration's module: STEP, AFTER, BATCH."""
        module = sys.modules.get(type(migration).__module__)
        after = getattr(module, "AFTER", ())
        return Marks(getattr(module, "STEP", "expand"), (after,) if isinstance(after, str) else after, getattr(module, "BATCH", None))

    def readable(self) -> bool:
        """Whether they are written as they should be."""
        names = isinstance(self.after, tuple) and all(isinstance(name, str) and name.count(".") == 1 for name in self.after)
        return self.step in ("expand", "backfill", "tighten") and names

    def follows(self) -> list[Key]:
        """AFTER as keys."""
        return [(label, name) for label, _dot, name in (one.partition(".") for one in self.after)]


class Past:
    """The releases so far, over the migrations that there are."""

    def __init__(self, loader: MigrationLoader, listed: Iterable[Mapping[str, Any]]) -> None:
        self.loader = loader
        self.leaves: list[list[Key]] = [sorted(release["leaves"].items()) for release in listed]
        self.unknown = [key for leaves in self.leaves for key in leaves if key not in loader.graph.nodes]
        self._members = [set() if self.unknown else self._reached(leaves) for leaves in self.leaves]

    def _reached(self, leaves: Iterable[Key]) -> set[Key]:
        return {key for leaf in leaves for key in self.loader.graph.forwards_plan(leaf)}

    def release_of(self, key: Key) -> int:
        """The number of the release that brought a migration; that of the coming one for what is in none yet."""
        return next((number for number, members in enumerate(self._members) if key in members), len(self._members))

    def columns(self, release: int) -> dict[str, set[str]]:
        """Table → columns, as the models of a release know them."""
        return _columns(self, release)

    def state(self, release: int) -> ProjectState:
        """The state of all models at a release."""
        return self.loader.project_state(self.leaves[release])

    def before(self, migration: Migration) -> set[Key]:
        """The migrations that one depends on, far and near."""
        graph = self.loader.graph
        key = (migration.app_label, migration.name)
        return self._reached([key] if key in graph.nodes else [one for one in migration.dependencies if one in graph.nodes]) - {key}


@functools.cache
def _columns(past: Past, release: int) -> dict[str, set[str]]:
    known = past.state(release).apps.get_models(include_auto_created=True)
    return {model._meta.db_table: {str(field.column) for field in model._meta.local_concrete_fields} for model in known}


def ours(label: str) -> bool:
    """Whether an application's migrations are written by us: those of Django itself come with it."""
    module, _given = MigrationLoader.migrations_module(label)
    return bool(module) and str(module).split(".")[0] in ("crm_platform", "tenants", "billing", "webhooks", "crm_core")


def leaves(loader: MigrationLoader) -> dict[str, str]:
    """Application → its newest migration; raises ValueError where there are two."""
    found: dict[str, str] = {}
    for label in sorted(config.label for config in apps.get_app_configs() if ours(config.label)):
        ends = loader.graph.leaf_nodes(label)
        if len(ends) > 1:
            raise ValueError(f"{label} has several leaves: {', '.join(name for _label, name in ends)}; merge them first")
        found.update(ends)
    return found


def cut(version: str, *, again: bool = False) -> list[dict[str, Any]]:
    """The list with a release of this version and today's leaves; `again` lists the newest anew, as long as it is not shipped. Raises ValueError."""
    listed = written()
    if again and listed and listed[-1]["version"] == version:
        listed.pop()
    if any(release["version"] == version for release in listed):
        raise ValueError(f"release {version} is cut already; raise __version__ in crm_platform/__init__.py first, or give --again if it is not shipped yet")
    return [*listed, {"version": version, "leaves": leaves(MigrationLoader(None))}]


def write(listed: list[dict[str, Any]]) -> None:
    """Keep the list."""
    path().write_text(json.dumps({"releases": listed}, indent=2) + "\n")
