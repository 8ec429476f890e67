"""The first minute: an empty board, its form for the first deal, the list beside it, the stages of a trade."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connections

from crm_core.engagement.tasks import services as tasks
from crm_core.groundwork.imports.models import ImportRun, Stage
from crm_core.insights.first_hour import services as first_hour
from crm_core.sales.deals import services as deals
from crm_core.sales.deals.models import Deal
from crm_core.sales.pipelines import queries as pipelines
from crm_platform.accounts import services as accounts
from crm_platform.accounts.models import Role
from crm_platform.events.models import Event
from crm_platform.kernel import clock
from crm_platform.kernel.permissions import robot
from tests.conftest import Door
from tests.factories.cast import cast

ROBOT = robot("test")
FORM, LIST, TRADES = 'id="first-deal"', 'id="hour-h"', 'id="trades-h"'


def shown(browser: Any, path: str = "/board") -> set[str]:
    text = browser.get(path).content.decode()
    return {name for name, mark in (("form", FORM), ("list", LIST), ("trades", TRADES)) if mark in text}


def test_who_sees_what_of_an_empty_board(doors: Door) -> None:
    with doors.unit():
        cast()
    for who, sees in (("otto", {"form", "list", "trades"}), ("ada", {"form", "list", "trades"}), ("mia", {"form"}), ("sam", {"form"}), ("vera", set())):
        assert shown(doors.client(f"{who}@veldhuis.example")) == sees, who
    stranger = doors.client(email=None)
    assert stranger.get("/board").status_code == 302
    assert stranger.post("/board/stages/1/add", {"name": "x"}).status_code in (302, 403)


def test_the_first_deal_is_a_real_one(doors: Door) -> None:
    browser = doors.client()
    with doors.unit():
        pipeline = pipelines.first()
        stage = pipelines.everything().open_of(pipeline.pk)[0]
    answer = browser.post(f"/board/stages/{stage.pk}/add", {"name": "Kitchen", "sum": "1 250,50", "first": str(pipeline.pk)})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/board/{pipeline.pk}")
    with doors.unit():
        deal = Deal.objects.get()
        assert (deal.name, deal.sum_minor, deal.stage_id) == ("Kitchen", 1_250_50, stage.pk)
        assert Event.objects.filter(name="deal.created", record_id=deal.pk).exists()
    assert shown(browser) == {"list"}


def test_a_refused_first_deal_keeps_what_was_typed_where_it_was_typed(doors: Door) -> None:
    browser = doors.client()
    with doors.unit():
        pipeline = pipelines.first()
        stage = pipelines.everything().open_of(pipeline.pk)[0]
    for given, status in (({"name": "Kitchen", "sum": "much"}, 422), ({"name": " ", "sum": "77"}, 422)):
        answer = browser.post(f"/board/stages/{stage.pk}/add", {**given, "first": str(pipeline.pk)})
        text = answer.content.decode()
        assert answer.status_code == status
        assert 'class="quick quick--first"' in text
        assert "board--still" in text
        assert f'value="{given["sum"]}"' in text
    with doors.unit():
        deals.create_deal(ROBOT, name="Meanwhile")
    text = browser.post(f"/board/stages/{stage.pk}/add", {"name": "Kitchen", "sum": "much", "first": str(pipeline.pk)}).content.decode()
    assert 'value="much"' in text
    assert "board--still" not in text


@pytest.mark.parametrize("where", ["won", "of another", "bin"])
def test_a_board_is_fresh_only_where_no_deal_stands_at_all(doors: Door, where: str) -> None:
    with doors.unit():
        people = cast()
        deal = deals.create_deal(ROBOT, name="Shelves", responsible_id=people["other"].user_id)
        if where == "won":
            deals.win_deal(ROBOT, deal.pk)
        elif where == "bin":
            from crm_core.groundwork.records import registry, writing

            writing.put_in_bin(ROBOT, registry.find("deal"), [deal.pk])
    assert ("form" in shown(doors.client("sam@veldhuis.example"))) == (where == "bin")


def test_a_trade_is_chosen_and_taken_back_on_the_board(doors: Door) -> None:
    browser = doors.client()
    with doors.unit():
        pipeline = pipelines.first()
        before = [stage.name for stage in pipelines.everything().open_of(pipeline.pk)]
    board = f"/board/{pipeline.pk}"
    answer = browser.post(f"/settings/pipelines/{pipeline.pk}/trade", {"trade": "repair", "next": board})
    assert (answer.status_code, answer.headers["Location"]) == (303, board)
    text = browser.get(board).content.decode()
    assert "Diagnosis" in text
    assert 'value="repair" aria-pressed="true"' in text
    assert f"/settings/pipelines/{pipeline.pk}/trade/back" in text
    browser.post(f"/settings/pipelines/{pipeline.pk}/trade/back", {"next": board})
    with doors.unit():
        assert [stage.name for stage in pipelines.everything().open_of(pipeline.pk)] == before
        deals.create_deal(ROBOT, name="Shelves")
    refused = browser.post(f"/settings/pipelines/{pipeline.pk}/trade", {"trade": "repair", "next": board})
    assert refused.status_code == 409
    assert "deals stand in this pipeline" in refused.content.decode()


def test_the_list_is_closed_for_all_and_comes_back(doors: Door) -> None:
    with doors.unit():
        cast()
    owner, administrator = doors.client(), doors.client("ada@veldhuis.example")
    assert owner.post("/settings/first-hour/close", {"next": "/board"}).status_code == 303
    assert "list" not in shown(owner) | shown(administrator)
    assert "Show it beside the board" in administrator.get("/settings/first-hour").content.decode()
    administrator.post("/settings/first-hour/show")
    assert "list" in shown(owner)
    seller = doors.client("sam@veldhuis.example")
    assert [seller.get("/settings/first-hour").status_code, seller.post("/settings/first-hour/close").status_code] == [403, 403]


def test_the_last_step_takes_the_list_away_for_good(doors: Door) -> None:
    browser = doors.client()
    with doors.unit():
        deal = deals.create_deal(ROBOT, name="Shelves")
        tasks.add(ROBOT, text="call", due_at=clock.now(), entity="deal", record_id=deal.pk)
        ImportRun.objects.create(kind="contact", file_name="a.csv", path="a.csv", stage=Stage.DONE)
    assert "list" in shown(browser)
    with doors.unit():
        accounts.invite(ROBOT, emails=["piet@veldhuis.example"], role_id=Role.objects.get(code="seller").pk)
    assert "list" not in shown(browser)
    with doors.unit():
        assert not first_hour.is_offered()


def test_a_working_board_asks_nothing_of_the_first_hour(doors: Door) -> None:
    """Closed, the list costs a board no statement; and no board with deals is asked whether it is empty."""
    asked: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        asked.append(sql)
        return execute(sql, params, many, context)

    browser = doors.client()
    with doors.unit():
        deals.create_deal(ROBOT, name="Shelves")
        first_hour.close(ROBOT)
    browser.get("/board")
    connections[doors.place.alias].execute_wrappers.append(note)
    try:
        browser.get("/board")
    finally:
        connections[doors.place.alias].execute_wrappers.remove(note)
    assert asked
    assert not [sql for sql in asked if any(table in sql for table in ('"import_run"', '"event"', '"preferences"', '"counter"'))]
    assert not [sql for sql in asked if 'AS "a" FROM "deal"' in sql]
