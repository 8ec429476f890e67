"""Taking a snapshot, reading it back, loading it into an empty schema, letting it go."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, BinaryIO, cast

from django.conf import settings
from django.core.files import File
from django.core.files.storage import Storage, storages
from django.db.models import Q
from psycopg import Connection

from crm_platform.db.sides import control_unit
from crm_platform.kernel import clock, files, ids, sealing
from crm_platform.kernel.errors import CrmError
from crm_platform.kernel.points import reached
from tenants.carrying import changes, loading, spares, tables
from tenants.carrying.tables import Sum, Table
from tenants.models import Snapshot, State, TemplateScript, Workspace
from tenants.provisioning import owner, template
from tenants.rollout import replay
from tenants.rounds import Rounds

from . import stream

_log = logging.getLogger("kartoteka.keeper")
Moment = tuple[Connection[Any], int]
# A file that is being written for longer was a killed process's.
UNFINISHED_AFTER = timedelta(hours=2)
_letting_go = Rounds("let snapshots go", most=20)


class OtherShape(CrmError):
    """The snapshot is of another version than the schema it is to go into."""

    code, status = "snapshot_of_another_version", 409
    sentence = "The snapshot is of another version of the program than the schema: {tables}."


class NoSnapshot(CrmError):
    """There is none (of that time)."""

    code, status = "no_snapshot", 404
    sentence = "There is no snapshot of {slug} that old. The oldest is of {oldest}."


class NoneYet(NoSnapshot):
    """There is none at all."""

    sentence = "There is no snapshot of {slug} yet. Take one: bin/crm snapshot-workspace --workspace {slug}."


class Lost(NoSnapshot):
    """The one in which a workspace sleeps is gone."""

    status = 500
    sentence = "The snapshot in which {slug} sleeps is gone: it cannot be woken. Look for its file where the snapshots are kept, and in your backups."


class NoneOfNumber(NoSnapshot):
    """None has this number."""

    sentence = "{slug} has no snapshot {number}. bin/crm list-snapshots --workspace {slug} names them."


class NotRestored(CrmError):
    """What was loaded is not what was written."""

    code, status = "snapshot_not_equal", 500
    sentence = "The snapshot did not come back equal in: {tables}. Nothing was changed."


# What is wrong with a snapshot itself: trying once more alone does not help.
UNUSABLE = (sealing.Broken, OtherShape, NoSnapshot, NotRestored)


def take(workspace: Workspace, *, why: str, keep: bool = False) -> Snapshot:
    """Write all rows of a workspace, as of one moment, into a new sealed file, and read it back. Needs the owner's login."""
    if workspace.state not in (State.ACTIVE, State.LEAVING):
        raise spares.NotServed(slug=workspace.slug or workspace.public_id, state=workspace.state)
    with owner.direct(workspace.alias) as connection, tables.snapshot(connection):
        return take_of(workspace, (connection, tables.oldest(connection, workspace.schema_name)), why=why, keep=keep)


def take_of(workspace: Workspace, moment: Moment, *, why: str, keep: bool = False) -> Snapshot:
    """The same as the caller's open transaction sees it: (connection, oldest transaction it does not see)."""
    connection, oldest = moment
    row = _begun(workspace, version=_version(workspace, connection), why=why, keep=keep)
    reached("snapshot.begun")
    found = tables.tables(connection, workspace.schema_name)
    manifest: dict[str, Any] = {}

    def tail(hashes: dict[str, str]) -> dict[str, Any]:
        sums = tables.sums(connection, workspace.schema_name, found)
        manifest.update(_proofs(sums, hashes) | {"oldest": oldest})
        return {"hashes": hashes, "sums": manifest["sums"]}

    head = _head(row, connection, found)
    rows = ((table.name, loading.copy_out(connection, workspace.schema_name, table)) for table in found)
    with tempfile.TemporaryFile() as file:
        for piece in sealing.seal(stream.packed(stream.written(head, rows, tail)), about=_about(row)):
            file.write(piece)
        size = file.tell()
        file.seek(0)
        row.file = _storage().save(row.file, File(file))
    reached("snapshot.written")
    row.manifest, row.bytes = {**head, **manifest}, size
    row.rows = sum(rows for rows, _total in manifest["sums"].values())
    row.taken_at = datetime.fromisoformat(head["taken_at"])
    read_back(row)
    row.finished_at = row.proved_at = clock.real_now()
    with control_unit():
        row.save()
    reached("snapshot.finished")
    return row


def _version(workspace: Workspace, connection: Connection[Any]) -> str:
    """What the schema itself is of, at the moment of the snapshot: the registry is told of a rollout after it, some workspaces at a time.

    Of two scripts that make the same the registry's is taken; where a step of a rollout has failed half-way, there is none, and its word stands.
    """
    applied = replay.applied(connection, workspace.schema_name)
    with control_unit():
        known = list(TemplateScript.objects.filter(migrations=sorted(applied)).order_by("-created_at").values_list("version", flat=True))
    if workspace.template_version in known:
        return workspace.template_version
    return template.fingerprint() if applied == template.names() else str(known[0]) if known else workspace.template_version


def _begun(workspace: Workspace, *, version: str, why: str, keep: bool) -> Snapshot:
    name = f"{workspace.public_id}/{clock.real_now():%Y%m%dT%H%M%S}-{ids.random_id(8)}.sealed"
    with control_unit():
        return Snapshot.objects.create(
            workspace=workspace, why=why, file=name, version=version, generation=workspace.generation, keep=keep
        )


def _head(row: Snapshot, connection: Connection[Any], found: list[Table]) -> dict[str, Any]:
    workspace = row.workspace
    return {
        "public_id": workspace.public_id, "generation": workspace.generation, "version": row.version,
        "migrations": sorted(replay.applied(connection, workspace.schema_name)), "server": connection.info.server_version, "taken_at": clock.real_now().isoformat(),
        "tables": [{"name": table.name, "columns": {column.name: column.type for column in table.columns}} for table in found],
        "counters": tables.counters(connection, workspace.schema_name, found),
    }  # fmt: skip


def _proofs(sums: dict[str, Sum], hashes: dict[str, str]) -> dict[str, Any]:
    return {"sums": {name: [one.rows, one.sum] for name, one in sums.items()}, "hashes": hashes}


def _about(row: Snapshot) -> str:
    return f"snapshot:{row.workspace.public_id}:{row.pk}"


def _storage() -> Storage:
    return storages["snapshots"]


@contextmanager
def opened(row: Snapshot) -> Iterator[stream.Reader]:
    """The inside of a snapshot's file; raises sealing.Broken for one that is not what we wrote."""
    try:
        file = _storage().open(row.file)
    except FileNotFoundError:
        raise sealing.Broken from None
    with file:
        yield stream.Reader(stream.unpacked(sealing.unseal(cast(BinaryIO, file), about=_about(row))))


def is_there(row: Snapshot) -> bool:
    """Whether its file is where it was put."""
    return _storage().exists(row.file)


def read_back(row: Snapshot) -> None:
    """Read the whole file; raises sealing.Broken where a byte of it is not what was written."""
    with opened(row) as reader:
        for table in reader.head["tables"]:
            for _piece in reader.table(table["name"]):
                pass
        reader.tail()


def load(row: Snapshot, spare: Workspace) -> None:
    """Fill a spare schema of the snapshot's version with it, and prove that counts, sums and counters are equal.

    Raises sealing.Broken, OtherShape, NotRestored. Needs the owner's login.
    """
    with owner.direct(spare.alias) as connection:
        found = {table.name: table for table in tables.tables(connection, spare.schema_name)}
        _same_shape(row, found)
        with opened(row) as reader, connection.transaction(), loading.emptied(connection, spare.schema_name, list(found.values())):
            for table in reader.head["tables"]:
                loading.copy_in(connection, spare.schema_name, found[table["name"]], reader.table(table["name"]))
            reader.tail()
        tables.count_on(connection, spare.schema_name, list(found.values()), row.manifest["counters"])
        wrong = differing(row, connection, spare.schema_name)
        if wrong:
            raise NotRestored(tables=", ".join(wrong))


def differing(row: Snapshot, connection: Connection[Any], schema: str) -> list[str]:
    """Tables of a schema that are not what the snapshot's manifest says."""
    sums = tables.sums(connection, schema, tables.tables(connection, schema))
    return changes.differences(sums, {name: Sum(rows, total) for name, (rows, total) in row.manifest["sums"].items()})


def _same_shape(row: Snapshot, found: dict[str, Table]) -> None:
    theirs = {table["name"]: table["columns"] for table in row.manifest["tables"]}
    ours = {name: {column.name: column.type for column in table.columns} for name, table in found.items()}
    wrong = sorted(name for name in theirs.keys() | ours.keys() if theirs.get(name) != ours.get(name))
    if wrong:
        raise OtherShape(tables=", ".join(wrong))


def nearest(workspace: Workspace, *, at: datetime | None) -> Snapshot:
    """The last snapshot taken at or before a moment (None: the last of all). Raises NoSnapshot."""
    with control_unit():
        kept = Snapshot.objects.filter(workspace=workspace, finished_at__isnull=False)
        row = kept.filter(Q(taken_at__lte=at) if at else Q()).order_by("-taken_at").first()
        oldest = kept.order_by("taken_at").first()
    if row is None:
        slug = workspace.slug or workspace.public_id
        raise NoSnapshot(slug=slug, oldest=f"{oldest.taken_at:%Y-%m-%d %H:%M} UTC") if oldest and oldest.taken_at else NoneYet(slug=slug)
    return row


def let_go() -> int:
    """Delete what is past its days, of an erased workspace, or never finished; returns how many. The file goes first, then the row. One that stays stops no other; where the storage does not answer, one a round is tried."""
    now = clock.real_now()
    over = Q(keep=False, taken_at__lt=now - timedelta(days=settings.CRM_SNAPSHOT_DAYS)) | Q(workspace__state=State.ERASED)
    found = Snapshot.objects.select_related("workspace").filter(over | Q(finished_at=None, began_at__lt=now - UNFINISHED_AFTER))
    away: list[files.Away] = []

    def let_one_go(row: Snapshot) -> bool:
        if away:  # nobody waits for each of them
            return False
        try:
            remove(row)
        except files.Away as error:
            away.append(error)
            raise
        return True

    return _letting_go.go(found.order_by("pk"), let_one_go, of=lambda row: row.workspace)


def remove(row: Snapshot) -> None:
    """Delete a snapshot's file and row."""
    _storage().delete(row.file)
    reached("snapshot.removed")
    with control_unit():
        Snapshot.objects.filter(pk=row.pk).delete()


def described(row: Snapshot, *, slug: str) -> dict[str, Any]:
    """A snapshot as the command line shows it."""
    return {
        "id": row.pk, "workspace": slug, "why": row.why, "taken_at": row.taken_at, "rows": row.rows, "bytes": row.bytes,
        "proved_at": row.proved_at, "generation": row.generation, "version": row.version,
    }  # fmt: skip

