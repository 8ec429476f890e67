"""Stages of a trade: chosen for an empty pipeline, taken back for seven days."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import translation

from crm_core.groundwork.records import registry, writing
from crm_core.sales.deals import services as deals
from crm_core.sales.deals.models import Deal
from crm_core.sales.pipelines import choosing, queries, trades
from crm_core.sales.pipelines import services as pipelines
from crm_core.sales.pipelines.models import Pipeline, Stage
from crm_platform.events.models import Event
from crm_platform.kernel.errors import Forbidden, NotFound
from crm_platform.kernel.permissions import robot
from tenants.inside import services as inside
from tests.factories.cast import cast

ROBOT = robot("test")


@pytest.fixture
def empty(inside) -> Pipeline:
    return pipelines.add_pipeline(ROBOT, name="Empty")


def names(pipeline: Pipeline) -> list[str]:
    return [stage.name for stage in queries.everything().open_of(pipeline.pk)]


def facts(pipeline: Pipeline) -> list[tuple[object, ...]]:
    return list(Stage.objects.filter(pipeline=pipeline).order_by("order", "id").values_list("name", "hue", "probability", "idle_days", "kind"))


def test_there_are_twelve_and_each_is_whole() -> None:
    assert len(trades.TRADES) == len({trade.code for trade in trades.TRADES}) == 12
    for language in ("en", "ru", "fr", "nl", "uz"):
        with translation.override(language):
            for trade in trades.TRADES:
                told = [str(name) for name in trade.stages]
                assert len(set(told)) == len(told) >= 4, (language, trade.code, told)
                assert max(len(name) for name in told) <= 40


def test_a_trade_gives_its_stages_and_announces_it(empty) -> None:
    stages = choosing.choose(ROBOT, empty.pk, trade="software")
    software = trades.find("software")
    assert names(empty) == [stage.name for stage in stages] == software.named()
    assert trades.of(queries.everything().open_of(empty.pk)) == software
    assert [row[2] for row in facts(empty)] == [10, 25, 40, 50, 65, 80, 100, 0]
    assert [row[4] for row in facts(empty)][-2:] == ["won", "lost"]
    event = Event.objects.order_by("-id")[0]
    assert (event.name, event.record_id, event.after["trade"], len(event.before["stages"])) == ("pipeline.stages_chosen", empty.pk, "software", 3)


def test_stages_are_named_in_the_language_of_the_firm(empty) -> None:
    inside.change_preferences(ROBOT, language="nl")
    with translation.override("ru"):
        choosing.choose(ROBOT, empty.pk, trade="repair")
    with translation.override("nl"):
        assert names(empty) == [str(name) for name in trades.find("repair").stages]


@pytest.mark.parametrize("close", [None, deals.win_deal])
def test_a_pipeline_with_deals_is_refused_and_nothing_changes(empty, close) -> None:
    deal = deals.create_deal(ROBOT, name="Shelves", stage_id=queries.everything().open_of(empty.pk)[0].pk)
    if close:
        close(ROBOT, deal.pk)
    before, events = facts(empty), Event.objects.count()
    with pytest.raises(choosing.PipelineInUse):
        choosing.choose(ROBOT, empty.pk, trade="repair")
    assert (facts(empty), Event.objects.count()) == (before, events)


def test_taking_back_restores_what_stood_before_each_choice(empty) -> None:
    before = facts(empty)
    choosing.choose(ROBOT, empty.pk, trade="software")
    between = facts(empty)
    choosing.choose(ROBOT, empty.pk, trade="wholesale")
    choosing.take_back(ROBOT, empty.pk)
    assert facts(empty) == between
    choosing.take_back(ROBOT, empty.pk)
    assert facts(empty) == before
    assert Event.objects.order_by("-id")[0].name == "pipeline.stages_taken_back"
    with pytest.raises(choosing.NothingToTakeBack):
        choosing.take_back(ROBOT, empty.pk)


def test_taking_back_ends_with_the_first_deal_and_after_seven_days(empty, monkeypatch) -> None:
    stages = choosing.choose(ROBOT, empty.pk, trade="repair")
    chosen = facts(empty)
    deal = deals.create_deal(ROBOT, name="Watch", stage_id=stages[1].pk)
    with pytest.raises(choosing.PipelineInUse):
        choosing.take_back(ROBOT, empty.pk)
    writing.put_in_bin(ROBOT, registry.find("deal"), [deal.pk])
    Event.objects.filter(name="pipeline.stages_chosen").update(at=Event.objects.latest("id").at - timedelta(days=7, minutes=1))
    with pytest.raises(choosing.NothingToTakeBack):
        choosing.take_back(ROBOT, empty.pk)
    assert facts(empty) == chosen


def test_deals_in_the_bin_keep_a_stage(empty) -> None:
    choosing.choose(ROBOT, empty.pk, trade="software")
    last = queries.everything().open_of(empty.pk)[-1]
    deal = deals.create_deal(ROBOT, name="Binned", stage_id=last.pk)
    writing.put_in_bin(ROBOT, registry.find("deal"), [deal.pk])
    choosing.choose(ROBOT, empty.pk, trade="wholesale")
    assert Deal.objects.get(pk=deal.pk).stage_id == queries.everything().open_of(empty.pk)[-1].pk
    back = writing.restore(ROBOT, registry.find("deal"), [deal.pk])
    assert back[0].pipeline_id == empty.pk


def test_only_who_may_change_settings_chooses(empty) -> None:
    before = facts(empty)
    for who, actor in cast().items():
        if who in ("owner", "administrator"):
            choosing.choose(actor, empty.pk, trade="repair")
            choosing.take_back(actor, empty.pk)
            continue
        for verb in (lambda actor=actor: choosing.choose(actor, empty.pk, trade="repair"), lambda actor=actor: choosing.take_back(actor, empty.pk)):
            with pytest.raises(Forbidden):
                verb()
    assert facts(empty) == before


def test_no_such_trade_and_no_such_pipeline(empty) -> None:
    with pytest.raises(NotFound):
        choosing.choose(ROBOT, empty.pk, trade="alchemy")
    with pytest.raises(NotFound):
        choosing.choose(ROBOT, 10**9, trade="repair")
