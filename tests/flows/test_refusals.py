"""Refusals that come late: at the settling of the limits, or because a stage has gone; what was typed stays, and the way out is named."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections

from billing.metering.models import Counter
from crm_core.groundwork.attachments.models import Attachment
from crm_core.people.contacts.models import Contact
from crm_core.sales.deals import services as deals
from crm_core.sales.deals.models import Deal
from crm_core.sales.pipelines import queries as pipelines
from crm_core.sales.pipelines import services as pipeline_services
from crm_platform.kernel import clock, gates
from crm_platform.kernel.permissions import robot
from tenants.inside.models import WorkspaceState
from tests.conftest import Door
from tests.factories.cast import cast

ROBOT = robot("test")
FRAGMENT = {"HTTP_HX_REQUEST": "true"}


@contextmanager
def uncommitted(doors: Door, act: Callable[[], Any], *, seconds: float) -> Iterator[None]:
    """While another's unit has done something and commits it only after so many seconds."""
    done = threading.Event()

    def work() -> None:
        try:
            with doors.unit():
                act()
                done.set()
                threading.Event().wait(seconds)
        finally:
            connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    assert done.wait(20)
    yield
    thread.join(20)


def elsewhere(act: Callable[[], Any]) -> None:
    """Do it in another connection, and commit."""

    def run() -> None:
        try:
            act()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(20)


@pytest.fixture
def full_at_the_commit(doors: Door, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """`full_at_the_commit("contacts")`: others take every place after the gate has let the next request pass."""

    def arrange(metric: str) -> None:
        settle, taken = gates.settle, []

        def take() -> None:
            with doors.unit():
                Counter.objects.update_or_create(metric=metric, defaults={"value": 10**12, "base_value": 0, "base_at": clock.now()})

        def late() -> None:
            if not taken:
                taken.append(metric)
                elsewhere(take)
            settle()

        with doors.unit():
            WorkspaceState.objects.update(limits={metric.partition(".")[0]: 10**9}, billing_state="active")
        monkeypatch.setattr(gates, "settle", late)

    return arrange


def stages() -> list[int]:
    return [stage.pk for stage in pipelines.everything().open_of(pipelines.first().pk)]


@pytest.mark.parametrize(
    ("metric", "address", "given"),
    [
        ("contacts", "/contacts/new", {"first_name": "Long typed name"}),
        ("deals_open", "/deals/new", {"name": "Long typed name", "currency": "EUR", "stage": "{stage}"}),
        ("deals_open", "/board/stages/{stage}/add", {"name": "Long typed name"}),
        ("fields.deal", "/settings/fields?entity=deal", {"name": "Long typed name", "kind": "text"}),
    ],
)
def test_a_form_refused_at_the_commit_comes_back_with_what_was_typed(doors: Door, full_at_the_commit, metric, address, given) -> None:
    client = doors.client()
    with doors.unit():
        stage = str(stages()[0])
    full_at_the_commit(metric)
    answer = client.post(address.format(stage=stage), {name: value.format(stage=stage) for name, value in given.items()})
    page = answer.content.decode()
    assert (answer.status_code, 'value="Long typed name"' in page, 'href="/settings/plan">See the plans' in page, "your plan holds" in page) == (402, True, True, True)
    with doors.unit():
        assert (Contact.objects.count(), Deal.objects.count()) == (0, 0)
        assert Counter.objects.get(metric=metric).value == 10**12


def test_a_file_refused_at_the_commit_is_said_on_its_card(doors: Door, full_at_the_commit) -> None:
    client = doors.client()
    with doors.unit():
        deal = deals.create_deal(ROBOT, name="Shelves")
    full_at_the_commit("storage")
    answer = client.post(f"/files/deal/{deal.pk}", {"file": SimpleUploadedFile("a.txt", b"12345")})
    page = answer.content.decode()
    assert (answer.status_code, "See the plans" in page, "<h1>Shelves</h1>" in page) == (402, True, True)
    with doors.unit():
        assert Attachment.objects.count() == 0


def test_what_is_refused_at_the_commit_may_be_sent_again(doors: Door, full_at_the_commit) -> None:
    """A verb without a form of its own: the refusal leaves nothing of the first sending behind."""
    client = doors.client()
    full_at_the_commit("pipelines")
    for _time in range(2):
        answer = client.post("/settings/pipelines/add", {"name": "Second", "once": "7" * 20}, **FRAGMENT)
        page = answer.content.decode()
        assert (answer.status_code, 'role="alert"' in page, "/settings/plan" in page, "<html" in page) == (402, True, True, False)


def test_a_program_is_refused_in_json_at_the_commit(doors: Door, full_at_the_commit) -> None:
    client = doors.client()
    full_at_the_commit("pipelines")
    answer = client.post("/settings/pipelines/add", {"name": "Second"}, HTTP_ACCEPT="application/json")
    assert (answer.status_code, answer.json()["code"], answer.json()["metric"], answer.json()["way_out"]) == (402, "limit_reached", "pipelines", "/settings/plan")


def test_the_way_to_the_plans_is_shown_to_who_may_go_it(doors: Door) -> None:
    with doors.unit():
        cast()
        WorkspaceState.objects.update(limits={"contacts": 0, "deals_open": 0}, billing_state="active")
        stage = stages()[0]
    for address, given in (("/contacts/new", {"first_name": "Anna"}), (f"/board/stages/{stage}/add", {"name": "Shelves"})):
        for who, link in (("ada", True), ("sam", False)):
            answer = doors.client(f"{who}@veldhuis.example").post(address, given)
            page = answer.content.decode()
            assert (answer.status_code, 'href="/settings/plan">See the plans' in page, "An administrator of your workspace can change the plan." in page) == (402, link, not link), (address, who)


def gone_stage(doors: Door) -> tuple[int, int]:
    """A deal, and a stage that was there a moment ago."""
    with doors.unit():
        deal = deals.create_deal(ROBOT, name="Shelves")
        gone = pipeline_services.add_stage(ROBOT, pipelines.first().pk, name="Short-lived")
    with doors.unit():
        pipeline_services.delete_stage(ROBOT, gone.pk)
    return deal.pk, gone.pk


SENTENCE = "That stage has been deleted meanwhile."


def test_a_card_dropped_on_a_stage_that_is_gone_is_said_in_a_toast(doors: Door) -> None:
    deal, gone = gone_stage(doors)
    answer = doors.client().post(f"/deals/{deal}/move", {"stage": gone}, HTTP_HX_TARGET="board", **FRAGMENT)
    page = answer.content.decode()
    assert (answer.status_code, SENTENCE in page, 'role="alert"' in page, "<form" in page) == (409, True, True, False)


def test_the_dialog_of_a_move_stays_open_and_the_board_is_drawn_anew(doors: Door) -> None:
    deal, gone = gone_stage(doors)
    answer = doors.client().post(f"/deals/{deal}/move", {"stage": gone}, HTTP_HX_TARGET="modal", **FRAGMENT)
    page = answer.content.decode()
    assert (answer.status_code, SENTENCE in page, '<select name="stage"' in page, f'value="{gone}"' in page, "<html" in page) == (409, True, True, False, False)
    assert "board-changed" in json.loads(answer.headers["HX-Trigger"])
    page = doors.client().post(f"/deals/{deal}/move", {"stage": gone}).content.decode()
    assert (SENTENCE in page, '<select name="stage"' in page, "<html" in page) == (True, True, True)


def test_the_dialog_of_a_move_says_what_the_plan_refuses(doors: Door) -> None:
    with doors.unit():
        deal = deals.create_deal(ROBOT, name="Shelves")
        deals.win_deal(ROBOT, deal.pk)
        WorkspaceState.objects.update(limits={"deals_open": 0}, billing_state="active")
        stage = stages()[0]
    for wish in ({}, {"HTTP_HX_TARGET": "modal", **FRAGMENT}):
        answer = doors.client().post(f"/deals/{deal.pk}/move", {"stage": stage}, **wish)
        page = answer.content.decode()
        assert (answer.status_code, '<select name="stage"' in page, 'href="/settings/plan">See the plans' in page) == (402, True, True)
    with doors.unit():
        assert Deal.objects.get(pk=deal.pk).state == "won"


def test_a_deal_added_to_a_column_that_is_gone_keeps_what_was_typed_and_chooses_another(doors: Door) -> None:
    _deal, gone = gone_stage(doors)
    client = doors.client()
    answer = client.post(f"/board/stages/{gone}/add", {"name": "Long typed name", "sum": "1234"})
    page = answer.content.decode()
    assert (answer.status_code, SENTENCE in page, 'value="Long typed name"' in page, 'value="1234"' in page) == (422, True, True, True)
    with doors.unit():
        other = stages()[1]
    again = client.post(f"/board/stages/{gone}/add", {"name": "Long typed name", "sum": "1234", "stage": other})
    assert again.status_code == 303
    with doors.unit():
        assert Deal.objects.get(name="Long typed name").stage_id == other


@pytest.mark.parametrize("path", ["/deals/new", "/deals/{deal}/edit"])
def test_the_form_of_a_deal_whose_stage_is_gone_says_so_and_keeps_the_rest(doors: Door, path: str) -> None:
    deal, gone = gone_stage(doors)
    answer = doors.client().post(path.format(deal=deal), {"name": "Long typed name", "currency": "EUR", "stage": gone})
    page = answer.content.decode()
    assert (answer.status_code, SENTENCE in page, 'value="Long typed name"' in page) == (422, True, True)


@pytest.mark.parametrize("path", ["/board/stages/{stage}/add", "/deals/new", "/deals/{deal}/edit"])
def test_a_stage_deleted_while_a_deal_is_written_is_said_in_the_form(doors: Door, path: str) -> None:
    """The form was checked against the stages of a moment ago; the deletion commits while the deal is written."""
    with doors.unit():
        deal = deals.create_deal(ROBOT, name="Shelves")
        gone = pipeline_services.add_stage(ROBOT, pipelines.first().pk, name="Short-lived").pk
    client = doors.client()
    with uncommitted(doors, lambda: pipeline_services.delete_stage(ROBOT, gone), seconds=1.5):
        answer = client.post(path.format(stage=gone, deal=deal.pk), {"name": "Long typed name", "currency": "EUR", "stage": gone})
    page = answer.content.decode()
    assert (answer.status_code, SENTENCE in page, 'value="Long typed name"' in page) == (409, True, True)
    assert not re.search(f'<option value="{gone}"', page)
    with doors.unit():
        assert not Deal.objects.filter(name="Long typed name").exists()


def test_a_stage_that_a_deal_is_just_put_into_is_not_deleted_under_it(doors: Door) -> None:
    with doors.unit():
        first, other = stages()[:2]
    with uncommitted(doors, lambda: deals.create_deal(ROBOT, name="Shelves", stage_id=first), seconds=1), doors.unit():
        moved = pipeline_services.delete_stage(ROBOT, first, to_id=other)
    with doors.unit():
        assert (moved, Deal.objects.get().stage_id) == (1, other)


def test_a_loss_that_somebody_overtook_keeps_its_comment(doors: Door) -> None:
    with doors.unit():
        deal = deals.create_deal(ROBOT, name="Shelves")
        reason = next(iter(pipelines.everything().reasons))
        deals.move_deal(robot("Marina"), deal.pk, stage_id=stages()[1])
    answer = doors.client().post(f"/deals/{deal.pk}/lose", {"lost_reason": reason, "comment": "Too dear for them", "version": deal.version}, **FRAGMENT)
    page = answer.content.decode()
    assert (answer.status_code, "Marina moved this deal" in page, "Too dear for them" in page) == (409, True, True)
