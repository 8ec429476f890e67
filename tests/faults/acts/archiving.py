"""An archive: the worker dies, and one after it goes on from what lies on the disk; the owner hears of it once."""

from __future__ import annotations

from pathlib import Path

from crm_platform.db import sides
from crm_platform.events.models import Event
from crm_platform.jobs.models import Job
from crm_platform.kernel import files
from crm_platform.kernel.permissions import robot
from crm_platform.letters.models import Letter
from tenants.archives import checking, proving, services
from tenants.archives.models import ArchiveRun, Stage
from tenants.models import FreshArchive, Workspace

from . import firms, whole
from .firms import Facts

POINTS = (
    "archive.written", "archive.kept", "archive.file", "archive.checkpoint", "archive.whole", "archive.closed", "archive.named", "archive.tidied", "archive.made",
    "archive.finishing", "archive.finished",
)  # fmt: skip


def prepare(point: str) -> Facts:
    """A firm whose owner has asked for an archive, and which wants one kept fresh."""
    from crm_platform.accounts.actors import actor_of
    from crm_platform.accounts.models import User

    row = firms.made()
    firms.serve(row.public_id)
    given = firms.facts(row, point=point)
    with sides.unit(row.place):
        run = services.ask(actor_of(User.objects.get(email=firms.EMAIL)))
        return given | {"run": run.pk, "folder": str(services.folder_of(run))}


def work(given: Facts) -> None:
    """The worker has its turn."""
    firms.serve(given["public_id"])


def after(given: Facts) -> None:
    """Whoever comes next finishes it; the archive is whole, alone in its folder, and told of once."""
    row = firms.now(given)
    firms.forget_leases(row)
    firms.serve(given["public_id"])
    with sides.unit(row.place):
        run = ArchiveRun.objects.get(pk=given["run"])
        failed = list(Job.objects.exclude(error="").values_list("name", "error"))
        assert (run.stage, failed) == (Stage.DONE, []), (run.stage, failed)
        assert Event.objects.filter(name="archive.made").count() == 1
        assert Letter.objects.filter(to=firms.EMAIL, subject__contains="archive").count() == 1
    folder = Path(given["folder"])
    assert {path.name for path in folder.iterdir()} == {"archive.zip", "lock"}, sorted(folder.iterdir())
    whole_archive(folder / "archive.zip", given)
    whole.keep()


def whole_archive(path: Path, given: Facts) -> None:
    """It reads through, and holds each row and each file once."""
    with checking.opened(path) as found:
        found.read_through()
        for name in found.content["tables"]:
            for _piece in found.pieces(f"rows/{name}.csv"):
                pass
        sizes = sorted(file.size for file in found.listed() if sum(map(len, found.file_pieces(file))) == file.size)
        assert sizes == sorted(size for name, [size] in _files(given)), sizes
        told = {name: table["rows"] for name, table in found.content["tables"].items()}
    for name in ("contact", "company", "deal", "person", "attachment"):
        assert told[name] == given["held"][name][0], (name, told[name])


def _files(given: Facts) -> list[tuple[str, list[int]]]:
    return [(name, amount) for name, amount in given["held"].items() if name.startswith("file ")]


# By the command


def command(given: Facts, out: str) -> None:
    """`archive-workspace`, as the operator calls it."""
    from tenants.archives.commands import archive_workspace

    archive_workspace.main(["--workspace", given["slug"], "--out", out, "--json"], standalone_mode=False)


def after_command(given: Facts, out: str) -> None:
    """Called again it finishes; beside the archive nothing is left."""
    command(given, out)
    path = Path(out)
    assert [found.name for found in path.parent.iterdir()] == [path.name], sorted(path.parent.iterdir())
    whole_archive(path, given)


def address_in(out: str) -> str:
    """Whose archive it says it is."""
    with checking.opened(Path(out)) as found:
        return str(found.content["workspace"]["slug"])


# Kept fresh, and proved


def weekly(point: str) -> Facts:
    """A firm that wants one kept fresh."""
    row = firms.made()
    firms.serve(row.public_id)
    given = firms.facts(row, point=point)
    with sides.unit(row.place):
        services.keep_fresh(robot("test"), weekly=True)
    firms.serve(row.public_id)
    return given


def prove(given: Facts) -> None:
    """The keeper proves it."""
    assert proving.prove_next()


def proved(given: Facts) -> None:
    """The next keeper proves it: once, and the spare schema is gone."""
    whole.keep()
    with sides.control_unit():
        row = FreshArchive.objects.get(workspace_id=given["pk"])
    assert (row.state, row.ok, row.sentence) == ("proved", True, ""), (row.state, row.sentence)


def unproved(point: str) -> Facts:
    """Its archive does not restore, and nobody has been told."""
    given = weekly(point)
    with sides.control_unit():
        path = Path(files.house().path(FreshArchive.objects.get(workspace_id=given["pk"]).path))
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(data)
    assert proving.prove_next()
    return given


def tell(given: Facts) -> None:
    """The keeper tells of it."""
    assert proving.tell_failed()


def told(given: Facts) -> None:
    """The next keeper tells what is left to tell: the owner has one letter, and it is noted."""
    whole.keep()
    with sides.control_unit():
        row = FreshArchive.objects.get(workspace_id=given["pk"])
        workspace = Workspace.objects.get(pk=given["pk"])
    assert (row.ok, row.told_at is None) == (False, False), (row.ok, row.told_at)
    with sides.unit(workspace.place):
        assert Event.objects.filter(name="archive.unproved").count() == 1
        assert Letter.objects.filter(subject__contains="did not restore").count() == 1
