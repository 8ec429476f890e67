"""Verbs of archives: ask for one, stop it, fetch it, have one kept fresh. They hold everything a firm has, so owners alone may."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from django.core.files import File
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from crm_platform.accounts import directory, roles
from crm_platform.accounts.models import Access, User
from crm_platform.events import backbone
from crm_platform.events.backbone import emit
from crm_platform.kernel import clock, files, ids, jobs, workspace
from crm_platform.kernel.errors import CrmError, Forbidden, NotFound
from crm_platform.kernel.permissions import Actor, robot
from crm_platform.letters import post
from tenants.inside import services as inside
from tenants.inside.models import Preferences

from . import making
from .making import Made
from .models import ArchiveRun, Stage

KEPT_FOR, EVERY = timedelta(days=7), timedelta(days=7)
ROBOT = robot("archive")


class OwnersOnly(Forbidden):
    """An archive is asked for by someone who is no owner."""

    code = "owners_only"
    sentence = _("The archive holds everything the firm has, so only an owner may have it made or fetch it.")


class Ended(CrmError):
    """The archive is not there any more."""

    code, status = "archive_ended", 410
    sentence = _("This archive is not there any more: each is kept for 7 days. Have a new one made.")


def may(actor: Actor) -> bool:
    """Whether the actor may have archives: an owner, or the house itself."""
    return actor.role == roles.OWNER or actor.user_id is None


def require(actor: Actor) -> None:
    """Raise OwnersOnly for everyone else."""
    if not may(actor):
        raise OwnersOnly


def folder_of(run: ArchiveRun) -> Path:
    """Where an archive is made and lies."""
    return files.path_in("archives", run.name)


def put_away(made: Made) -> None:
    """It goes where all files are; in a bucket, nothing of it stays on this machine."""
    files.house().put(files.name_of(made.path), made.path)
    if not made.path.exists():
        making.forget(made.path.parent)


def _drop(run: ArchiveRun) -> None:
    making.forget(folder_of(run))
    files.house().erase(f"{files.name_of(folder_of(run))}/")


def ask(actor: Actor) -> ArchiveRun:
    """Have an archive made in the background; where one is being made, that one. Raises OwnersOnly."""
    require(actor)
    Preferences.objects.select_for_update().get(pk=1)  # two askings at once are one after the other
    present = ArchiveRun.objects.filter(stage=Stage.RUNNING, weekly=False).first()
    if present is not None and not present.cancel_asked:
        return present
    run = _begin(weekly=False, asked_by=actor.user_id)
    emit(actor, "archive.asked", entity="archive", record_id=run.pk, also=["workspace:1"])
    return run


def _begin(*, weekly: bool, asked_by: int | None) -> ArchiveRun:
    run = ArchiveRun.objects.create(name=ids.random_id(24), weekly=weekly, asked_by=asked_by)
    jobs.later("archives.make", run.pk)
    return run


def get(actor: Actor, pk: int) -> ArchiveRun:
    """An archive, locked. Raises OwnersOnly, NotFound."""
    require(actor)
    run = ArchiveRun.objects.select_for_update().filter(pk=pk).first()
    if run is None:
        raise NotFound
    return run


def cancel(actor: Actor, pk: int) -> ArchiveRun:
    """Stop making it; one that is done is deleted. Twice is once."""
    run = get(actor, pk)
    if run.stage == Stage.DONE:
        forget(run)
    elif run.stage == Stage.RUNNING and not run.cancel_asked:
        run.cancel_asked = True
        run.save(update_fields=["cancel_asked"])
    else:
        return run
    emit(actor, "archive.cancelled", entity="archive", record_id=run.pk, also=["workspace:1"])
    return run


def fetch(actor: Actor, pk: int) -> tuple[ArchiveRun, File[bytes]]:
    """A finished archive and its file; announces it, since data leaves the house. Raises OwnersOnly, NotFound, Ended."""
    run = get(actor, pk)
    if run.stage != Stage.DONE or (run.ends_at is not None and run.ends_at <= clock.real_now()):
        raise Ended
    try:
        file = files.house().open(f"{files.name_of(folder_of(run))}/archive.zip")
    except FileNotFoundError:
        raise Ended from None
    emit(actor, "archive.fetched", entity="archive", record_id=run.pk, after={"bytes": run.size}, also=["workspace:1"])
    return run, file


def keep_fresh(actor: Actor, *, weekly: bool) -> None:
    """Have one made and proved every week, from now on; or no more. Raises OwnersOnly."""
    require(actor)
    row = Preferences.objects.select_for_update().get(pk=1)
    if row.weekly_archive == weekly:
        return
    row.weekly_archive = weekly
    row.save(update_fields=["weekly_archive"])
    inside.forget()
    emit(actor, "archive.weekly", entity="archive", record_id=None, before={"weekly": not weekly}, after={"weekly": weekly}, also=["workspace:1"])
    if weekly:
        begin_weekly()


def begin_weekly() -> None:
    """Leave the first weekly archive, to be made now."""
    jobs.later("archives.weekly", 0, key="archives.weekly")


def make_weekly() -> bool:
    """The week's archive, where the firm still wants it; False where not."""
    if not inside.preferences().weekly_archive:
        return False
    if not ArchiveRun.objects.filter(stage=Stage.RUNNING, weekly=True).exists():
        _begin(weekly=True, asked_by=None)
    jobs.later("archives.weekly", 0, at=clock.real_now() + EVERY, key="archives.weekly")
    return True


def finish(run: ArchiveRun, made: Made) -> None:
    """It is ready: note it, write to who asked, and delete it in time. A fresh one takes the place of last week's."""
    content = made.content
    run.stage, run.size, run.sha256, run.finished_at = Stage.DONE, made.size, made.sha256, clock.real_now()
    # A weekly one stays until the next is there.
    run.ends_at = run.finished_at + KEPT_FOR + (timedelta(days=1) if run.weekly else timedelta())
    run.done = run.total = run.total or 1
    run.figures = {
        "tables": len(content["tables"]), "rows": sum(one["rows"] for one in content["tables"].values()),
        "files": content["files"]["count"], "bytes": content["files"]["bytes"], "missing": content["files"]["missing"],
    }  # fmt: skip
    run.save()
    jobs.later("archives.forget", run.pk, at=run.ends_at)
    emit(ROBOT, "archive.made", entity="archive", record_id=run.pk, after=run.figures, also=["workspace:1"])
    if run.weekly:
        for older in ArchiveRun.objects.filter(weekly=True, stage=Stage.DONE, pk__lt=run.pk):
            forget(older)
    for person in _who_waits(run) if run.asked_by else ():
        with override(person.language):
            until = date_format(timezone.localtime(run.ends_at), "DATE_FORMAT")
        post.write(str(person.email), "archive_ready", language=person.language, url=workspace.url("/settings/archives"), until=until)


def _who_waits(run: ArchiveRun) -> list[User]:
    """Who asked for it; of a weekly one the owners."""
    return list(User.objects.filter(pk=run.asked_by, access=Access.ACTIVE)) if run.asked_by else directory.owners()


def stop(run: ArchiveRun, *, stage: Stage) -> None:
    """It was cancelled, or could not be made: nothing of it stays on the disk."""
    _drop(run)
    run.stage, run.finished_at = stage, clock.real_now()
    run.save(update_fields=["stage", "finished_at"])
    if stage == Stage.FAILED:
        emit(ROBOT, "archive.failed", entity="archive", record_id=run.pk, also=["workspace:1"])
        for person in _who_waits(run):
            post.write(str(person.email), "archive_failed", language=person.language, url=workspace.url("/settings/archives"))


def unproved(sentence: str, *, operation: str) -> None:
    """The week's archive did not restore: announced and written to the owners, once for an `operation`."""
    if not backbone.take_in(operation, kind="archive.unproved", body={}):
        return
    emit(ROBOT, "archive.unproved", entity="archive", record_id=None, after={"sentence": sentence}, also=["workspace:1"])
    for person in directory.owners():
        post.write(str(person.email), "archive_unproved", language=person.language, url=workspace.url("/settings/archives"), sentence=sentence)


def forget(run: ArchiveRun) -> None:
    """Its time is over, or nobody wants it: the file goes."""
    _drop(run)
    run.stage = Stage.GONE
    run.save(update_fields=["stage"])
