"""A process is killed (-9) at every named point of every work; whoever is due comes after it: finished, resumed or rolled back, never half.

The telling ones always: within a transaction, and between two commits that belong together. All of them by `bin/test --all`.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest

from .world import World

# By work; of sleeping, waking and snapshots, whose kills are tried within one process elsewhere, none.
TELLING = {
    "provisioning": ("pool.made", "pool.filled", "pool.dropped", "template.cast"),
    "signing_up": ("signup.claimed", "signup.filled", "signup.opening"),
    "rolling_out": ("rollout.postponed", "rollout.brought", "rollout.noting"),
    "moving": ("move.made", "move.rows", "move.carried", "move.fenced", "move.switched"),
    "archiving": ("archive.file", "archive.closed", "archive.named", "archive.made", "archive.finishing"),
    "restoring": ("restore.claimed", "restore.compared", "restore.filled", "signup.opening"),
    "erasing": ("erase.marked", "erase.settled", "erase.counted", "erase.schema", "erase.files", "erase.addresses", "erase.certificate"),
    "unpaid": ("unpaid.over", "erase.begun", "part.cancelled", "part.done"), "telling": ("tell.decided", "tell.writing", "tell.written"),
    "returning": ("beside.fenced",), "sleeping": (), "waking": (), "snapshooting": (),
}  # fmt: skip


def _module(work: str) -> ModuleType:
    return importlib.import_module(f"tests.faults.acts.{work}")


def cases(telling: dict[str, tuple[str, ...]]) -> list[object]:
    """Every point of every work; those that are not named only with all tests."""
    return [
        pytest.param(work, point, id=f"{work}-{point}", marks=() if point in telling.get(work, ()) else pytest.mark.live)
        for work in TELLING for point in _module(work).POINTS
    ]  # fmt: skip


def _some(points: tuple[str, ...], *often: str) -> list[object]:
    return [pytest.param(point, marks=() if point in often else pytest.mark.live) for point in points]


@pytest.mark.parametrize(("work", "point"), cases(TELLING))
def test_killed_at(world: World, work: str, point: str) -> None:
    _killed(world, (f"{work}.prepare", f"{work}.work", f"{work}.after"), point)


def _killed(world: World, acts: tuple[str, str, str], point: str) -> None:
    """It is prepared, dies at the point, and is brought to its end; then nothing is half."""
    prepare, work, after = acts
    given = world.do(prepare, point)
    world.kill(work, given, at=point)
    world.settles(after, given)


@pytest.mark.parametrize("point", _some(_module("signing_up").POINTS, "signup.filled", "signup.opened"))
def test_a_sign_up_that_nobody_sends_again(world: World, point: str) -> None:
    _killed(world, ("signing_up.prepare", "signing_up.work", "signing_up.nobody"), point)


@pytest.mark.parametrize("point", _some(_module("restoring").OLDER, "restore.shaped"))
def test_an_archive_of_an_older_release(world: World, point: str) -> None:
    _killed(world, ("restoring.prepare", "restoring.work_tomorrow", "restoring.after"), point)


@pytest.mark.parametrize("point", _some(("archive.kept", "archive.file", "archive.whole", "archive.closed", "archive.named"), "archive.file", "archive.named"))
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


@pytest.mark.parametrize("point", _some(("proof.begun", "proof.spare", "restore.compared", "restore.rows", "proof.compared"), "restore.rows"))
def test_the_proof_of_a_fresh_archive(world: World, point: str) -> None:
    given = world.do("archiving.weekly", point)
    world.kill("archiving.prove", given, at=point)
    world.settles("archiving.proved", given)


def test_a_proof_that_failed_is_told_once(world: World) -> None:
    _killed(world, ("archiving.unproved", "archiving.tell", "archiving.told"), "proof.told")


@pytest.mark.live
def test_a_move_that_gives_up(world: World) -> None:
    given = world.do("moving.prepare", "move.given up")
    world.kill("moving.give_up", given, at="move.given up")
    world.settles("moving.after_giving_up", given)


@pytest.mark.live
def test_one_that_is_asked_for_before_its_schema_was_dropped(world: World) -> None:
    given = world.do("waking.prepare_early", "wake.opened")
    world.kill("waking.doze", given, at="sleep.marked")
    world.do("waking.ask", given)
    world.kill("waking.work", given, at="wake.opened")
    world.settles("waking.after", given)
