"""A process is killed (-9) at every named point of every work; whoever is due comes after it: finished, resumed or rolled back, never half.

Those of sleeping, waking, returning and snapshots are tried within one process elsewhere too; here, for real, by `bin/test --all`.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest

from .world import World

ALWAYS = ("provisioning", "signing_up", "rolling_out", "moving", "archiving", "restoring", "erasing")
WITH_ALL = ("sleeping", "waking", "returning", "snapshooting")


def _module(work: str) -> ModuleType:
    return importlib.import_module(f"tests.faults.acts.{work}")


def _cases(works: tuple[str, ...], *marks: pytest.MarkDecorator) -> list[object]:
    return [pytest.param(work, point, id=f"{work}-{point}", marks=marks) for work in works for point in _module(work).POINTS]


@pytest.mark.parametrize(("work", "point"), [*_cases(ALWAYS), *_cases(WITH_ALL, pytest.mark.live)])
def test_killed_at(world: World, work: str, point: str) -> None:
    _killed(world, (f"{work}.prepare", f"{work}.work", f"{work}.after"), point)


def _killed(world: World, acts: tuple[str, str, str], point: str) -> None:
    """It is prepared, dies at the point, and is brought to its end; then nothing is half."""
    prepare, work, after = acts
    given = world.do(prepare, point)
    world.kill(work, given, at=point)
    world.do(after, given)
    world.do("whole.check")


@pytest.mark.parametrize("point", _module("signing_up").POINTS)
def test_a_sign_up_that_nobody_sends_again(world: World, point: str) -> None:
    _killed(world, ("signing_up.prepare", "signing_up.work", "signing_up.nobody"), point)


@pytest.mark.parametrize("point", _module("restoring").OLDER)
def test_an_archive_of_an_older_release(world: World, point: str) -> None:
    _killed(world, ("restoring.prepare", "restoring.work_tomorrow", "restoring.after"), point)


@pytest.mark.parametrize("point", ["archive.kept", "archive.file", "archive.whole", "archive.closed", "archive.named"])
def test_an_archive_by_command(world: World, tmp_path: Path, point: str) -> None:
    given, out = world.do("restoring.prepare", point), str(tmp_path / "archive.zip")
    world.kill("archiving.command", given, out, at=point)
    world.do("archiving.after_command", given, out)


def test_an_archive_by_command_is_never_gone_on_with_for_another_firm(world: World, tmp_path: Path) -> None:
    one, other = (world.do("restoring.prepare", "archive.kept") for _firm in range(2))
    out = str(tmp_path / "archive.zip")
    world.kill("archiving.command", one, out, at="archive.kept")
    world.do("archiving.after_command", other, out)
    assert other["slug"] in world.do("archiving.address_in", out)


@pytest.mark.parametrize("point", ["proof.begun", "proof.spare", "restore.compared", "restore.rows", "proof.compared"])
def test_the_proof_of_a_fresh_archive(world: World, point: str) -> None:
    given = world.do("archiving.weekly", point)
    world.kill("archiving.prove", given, at=point)
    world.do("archiving.proved", given)
    world.do("whole.check")


def test_a_move_that_gives_up(world: World) -> None:
    given = world.do("moving.prepare", "move.given up")
    world.kill("moving.give_up", given, at="move.given up")
    world.do("moving.after_giving_up", given)
    world.do("whole.check")


@pytest.mark.live
def test_one_that_is_asked_for_before_its_schema_was_dropped(world: World) -> None:
    given = world.do("waking.prepare_early", "wake.opened")
    world.kill("waking.doze", given, at="sleep.marked")
    world.do("waking.ask", given)
    world.kill("waking.work", given, at="wake.opened")
    world.do("waking.after", given)
    world.do("whole.check")
