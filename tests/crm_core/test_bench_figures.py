"""The bench's arithmetic; nothing is timed here."""

from __future__ import annotations

import argparse
from collections import Counter

import pytest

from crm_core.insights.bench import crowding, figures, load, run, tenancy
from crm_core.insights.bench.figures import Size
from tenants.rollout import measuring

MB = 2**20


def test_a_sample_is_carried_over_linearly() -> None:
    assert figures.derived(10.0, sample=20, total=500) == 250.0


@pytest.mark.parametrize(("walls", "slow"), [([5.0], 5.0), ([float(number) for number in range(1, 101)], 95.0), ([1.0] * 19 + [9.0], 1.0), ([1.0] * 18 + [9.0, 9.0], 9.0)])
def test_the_slow_end_is_the_wall_that_nineteen_of_twenty_do_not_exceed(walls: list[float], slow: float) -> None:
    assert figures.slow_end(walls[::-1]) == slow


def test_ratios_are_exact_where_it_matters() -> None:
    assert (figures.times(100, 3), figures.times(13, 10), figures.times(1, 8)) == (33, 1.3, 0.12)


def test_a_plan_grows_by_what_each_workspace_took_and_keeps_what_is_bounded() -> None:
    small, large = Size(100, 20_000, 300 * MB, 40 * MB, 90 * MB), Size(2000, 400_000, 6_000 * MB, 60 * MB, 80 * MB)
    plan = figures.plan(small, large, workspaces=10_000)
    assert (plan.databases, plan.relations, plan.disk, plan.backend, plan.worker) == (10, 200_000, 3_000 * MB, 60 * MB, 90 * MB)
    assert figures.plan(small, large, workspaces=10_001).databases == 11
    assert figures.plan(small, large, workspaces=500).relations == 100_000


def test_a_sample_is_spread_from_the_first_to_the_last() -> None:
    everyone = [f"w_{number}" for number in range(10)]
    assert measuring.spread(everyone, 3) == ["w_0", "w_3", "w_6"]
    assert measuring.spread(everyone, 99) == everyone


def test_what_is_no_good_answer_has_failed() -> None:
    answers = load.Answers(Counter({"200": 5, "302": 1, "503": 2, "RemoteDisconnected": 1}))
    assert (answers.asked, answers.failed) == (9, 3)


def _rollout(**changed: object) -> list[tuple[str, float, float | None, bool | None]]:
    ours = {"workspaces": 500, "release_s": 4.0, "render_s": 1.0, "replay_s": 3.0, "behind_ms": 1.0, "behind_queries": 1, "done": 500, "failed": 0, "errors": {}, "slowest_ms": 9} | changed
    stock = {"sample": 20, "migrate_s": 10.0, "check_s": 4.0}
    lines = tenancy._rollout_lines(ours, stock, wall=9.022, answers=load.Answers(Counter({"200": 7})))
    return [(line.name.strip(), line.value, line.ratio, line.met) for line in lines]


def test_a_rollout_counts_its_start_and_its_rendering_and_tells_the_template_apart() -> None:
    found = {name: rest for name, *rest in _rollout()}
    assert found["a column with an index to 500 workspaces"] == [5.0, 50, True]
    assert found["of it: starting the program"] == [1.0, None, None]
    assert found["with the release's template, once for all"] == [9.0, 28, None]
    assert found["requests failed meanwhile"] == [0, None, True]
    assert found["is anything to migrate? of 500"] == [1.0, 100_000, True]


def test_whether_anything_is_to_migrate_is_judged_by_the_statements_that_were_sent() -> None:
    found = {name: met for name, _value, _ratio, met in _rollout(behind_queries=500)}
    assert found["is anything to migrate? of 500"] is False


@pytest.mark.parametrize(("worker", "backend", "met"), [(80, 106, [True, True]), (201, 106, [False, True]), (80, 266, [True, False]), (0, 0, [False, False])])
def test_memory_is_judged_and_none_seen_is_no_good_figure(worker: int, backend: int, met: list[bool]) -> None:
    walls = [5.0]
    visits = crowding.Visits(Size(100, 20_000, 300 * MB, backend * MB, worker * MB), (walls, walls), walls, walls)
    assert [line.met for line in crowding._lines(visits, visits) if "private" in line.name] == met


@pytest.mark.parametrize("changed", [{"failed": 1}, {"done": 499}])
def test_a_rollout_that_left_somebody_behind_is_no_figure(changed: dict[str, int]) -> None:
    with pytest.raises(RuntimeError):
        _rollout(**changed)


def test_a_part_that_is_not_there_is_refused_before_anything_starts() -> None:
    parser = argparse.ArgumentParser()
    tenancy.add_arguments(parser)
    assert parser.parse_args(["--tenancy"]).tenancy == "claim,rollout,overhead,sizes,burst,carry"
    with pytest.raises(ValueError, match="hurry"):
        tenancy.lines(parser.parse_args(["--tenancy=claim,hurry"]))


def test_figures_are_shown_for_people_and_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [run.Line("claim", 1.8, "ms", "migrate_schemas, 7100 ms", 3944, "at least 1000 times", True)]
    run.show(lines, as_json=True)
    run.show(lines, as_json=False)
    told = capsys.readouterr().out
    assert '"ratio": 3944' in told
    assert "3944 × migrate_schemas, 7100 ms" in told
