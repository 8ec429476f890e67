"""What must be so whenever nothing is at work: every schema, role, row and file is somebody's, and nothing is half."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from unittest import mock

from django.conf import settings
from django.core.files.storage import FileSystemStorage, storages

from crm_platform.db import sides
from tenants import keeper
from tenants.archives import proving
from tenants.carrying import spares
from tenants.lifecycle.models import Certificate
from tenants.models import (
    Beside,
    Domain,
    EmailIndex,
    FreshArchive,
    Move,
    Nap,
    Rollout,
    Signup,
    Snapshot,
    Spare,
    State,
    Workspace,
)
from tenants.provisioning import bootstrap, owner, pool
from tenants.snapshots import services as snapshots

GONE = (State.ERASED, State.ASLEEP)


def begin() -> None:
    """The world is brought to this release."""
    bootstrap.run(pool_size=2)


@contextmanager
def later() -> Iterator[None]:
    """Some hours have passed: who was killed is not taken for one at work."""
    with ExitStack() as stack:
        for module, name in ((keeper, "BROKEN_AFTER"), (spares, "UNNOTED_AFTER"), (snapshots, "UNFINISHED_AFTER"), (proving, "_GIVEN_UP")):
            stack.enter_context(mock.patch.object(module, name, timedelta()))
        yield


def keep(rounds: int = 2) -> None:
    """The keeper comes, after a while, and once more. Ready workspaces it need not make: there are enough."""
    with later(), mock.patch.object(pool, "wanted", return_value=0):
        for _round in range(rounds):
            keeper.round_once()
            if proving._thread is not None:
                proving._thread.join()


def check() -> None:
    """Raise AssertionError with all that is nobody's or half."""
    found = list(wrong())
    assert not found, "\n".join(found)


def wrong() -> Iterator[str]:
    """All that is nobody's or half."""
    for what in (_schemas, _files, _rows, _work):
        yield from what()


def _schemas() -> Iterator[str]:
    with sides.control_unit():
        registry = list(Workspace.objects.exclude(state__in=GONE).values_list("alias", "schema_name"))
    roles = set[str]()
    for cell in settings.CELLS:
        ours = {schema for alias, schema in registry if alias == cell}
        with owner.seated(cell):
            found = {name for (name,) in owner.run("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'w\\_%%' AND nspname <> %s", [settings.TEMPLATE_SCHEMA])}
            roles = {name for (name,) in owner.run("SELECT rolname FROM pg_roles WHERE rolname LIKE 'w\\_%'")}
        yield from (f"schema {name} in {cell} is nobody's" for name in found - ours)
        yield from (f"schema {name} in {cell} is missing" for name in ours - found)
    every = {schema for _alias, schema in registry}
    yield from (f"role {name} is nobody's or missing" for name in roles ^ every)


def _files() -> Iterator[str]:
    with sides.control_unit():
        living = {"control", *Workspace.objects.exclude(state__in=(State.ERASED, State.POOL, State.SPARE)).values_list("public_id", flat=True)}  # the documents outlive them
        kept = set(Snapshot.objects.values_list("file", flat=True))
    root = Path(settings.MEDIA_ROOT)
    yield from (f"folder {path.name} is nobody's" for path in (root.iterdir() if root.exists() else ()) if path.name not in living)
    storage = storages["snapshots"]
    assert isinstance(storage, FileSystemStorage)
    there = {str(path.relative_to(storage.location)) for path in Path(storage.location).rglob("*") if path.is_file()}
    yield from (f"snapshot {name} is nobody's or missing" for name in there ^ kept)


def _rows() -> Iterator[str]:
    with sides.control_unit():
        yield from (f"{row.schema_name} is {row.state} still" for row in Workspace.objects.filter(state=State.CLAIMING))
        yield from (f"{row.schema_name} is in the making still" for row in Workspace.objects.filter(template_version="in the making"))
        for model, path in ((Domain, "tenant"), (EmailIndex, "workspace"), (Signup, "workspace")):
            for state in (State.POOL, State.SPARE, State.ERASED):
                yield from (f"{model.__name__} of one that is {state}" for _row in model.objects.filter(**{f"{path}__state": state}))
        yield from (f"an address without a sign-up's end: {row.slug}" for row in Signup.objects.filter(finished_at=None))
        yield from (f"spare {row.pk} is nobody's" for row in Workspace.objects.filter(state=State.SPARE, spare=None))
        yield from (f"spare {row.pk} is being filled still" for row in Spare.objects.filter(use="filling"))


def _work() -> Iterator[str]:
    with sides.control_unit():
        open_work = (
            Move.objects.filter(finished_at=None), Nap.objects.filter(finished_at=None).exclude(step="asleep"), Beside.objects.filter(step__in=("filling", "returning")),
            Snapshot.objects.filter(finished_at=None), Certificate.objects.filter(finished_at=None), FreshArchive.objects.exclude(state="proved"),
            Rollout.objects.filter(finished_at=None), Workspace.objects.filter(state=State.ERASED, erased_at=None),
        )  # fmt: skip
        for found in open_work:
            yield from (f"{row._meta.object_name} {row.pk} is half" for row in found)
