"""Deals: stages, won and lost, the board's order, two people dragging one card."""

from __future__ import annotations

import pytest

from crm_core.engagement.tasks import services as tasks
from crm_core.groundwork.timeline import queries as timeline
from crm_core.groundwork.timeline import services as putting
from crm_core.sales.deals import queries, ranks, services
from crm_core.sales.deals.kind import StageGone
from crm_core.sales.deals.models import Deal
from crm_core.sales.pipelines import queries as pipelines
from crm_core.sales.pipelines import services as pipeline_services
from crm_core.sales.pipelines.models import Stage
from crm_platform.accounts import services as accounts
from crm_platform.accounts.forms import DeactivateForm
from crm_platform.accounts.models import User
from crm_platform.events.models import Event
from crm_platform.kernel import clock, gates
from crm_platform.kernel.errors import Forbidden, Invalid
from crm_platform.kernel.permissions import robot
from tests.factories.cast import cast

ROBOT = robot("test")


def stages() -> list[Stage]:
    return pipelines.everything().of(pipelines.first().pk)


def test_a_deal_begins_in_the_first_stage_and_counts_as_open(inside) -> None:
    used = gates.usage("deals_open").used
    deal = services.create_deal(ROBOT, name="Shelves", sum_minor=964_000)
    assert (deal.stage_id, deal.state) == (stages()[0].pk, "open")
    assert gates.usage("deals_open").used == used + 1


def test_winning_and_opening_again(inside) -> None:
    deal = services.create_deal(ROBOT, name="Shelves")
    used = gates.usage("deals_open").used
    won = services.win_deal(ROBOT, deal.pk)
    assert (won.state, won.closed_at is not None, gates.usage("deals_open").used) == ("won", True, used - 1)
    assert Event.objects.order_by("-id")[0].name == "deal.won"
    again = services.move_deal(ROBOT, deal.pk, stage_id=stages()[1].pk)
    assert (again.state, again.closed_at, gates.usage("deals_open").used) == ("open", None, used)


def test_losing_needs_a_reason_and_without_one_nothing_changes(inside) -> None:
    deal = services.create_deal(ROBOT, name="Shelves")
    with pytest.raises(Invalid) as refused:
        services.lose_deal(ROBOT, deal.pk, reason_id=None)
    assert "lost_reason" in refused.value.fields
    assert Deal.objects.get(pk=deal.pk).state == "open"
    reason = next(iter(pipelines.everything().reasons))
    lost = services.lose_deal(ROBOT, deal.pk, reason_id=reason, comment="dear")
    assert (lost.state, lost.lost_reason_id, lost.lost_from) == ("lost", reason, stages()[0].pk)


def test_two_people_drag_one_deal_and_the_first_stands(inside) -> None:
    deal = services.create_deal(ROBOT, name="Shelves")
    version = deal.version
    services.move_deal(robot("Marina"), deal.pk, stage_id=stages()[1].pk, version=version)
    with pytest.raises(services.MovedMeanwhile) as refused:
        services.move_deal(robot("Jeroen"), deal.pk, stage_id=stages()[2].pk, version=version)
    assert refused.value.facts["who"] == "Marina"
    assert Deal.objects.get(pk=deal.pk).stage_id == stages()[1].pk


def test_a_deal_dragged_while_its_stage_is_deleted(inside) -> None:
    deal = services.create_deal(ROBOT, name="Shelves")
    gone = pipeline_services.add_stage(ROBOT, pipelines.first().pk, name="Short-lived")
    pipeline_services.delete_stage(ROBOT, gone.pk)
    with pytest.raises(StageGone):
        services.move_deal(ROBOT, deal.pk, stage_id=gone.pk)


def test_a_stage_with_deals_goes_only_with_a_place_for_them(inside) -> None:
    first, second = stages()[0], stages()[1]
    deal = services.create_deal(ROBOT, name="Shelves", stage_id=first.pk)
    with pytest.raises(pipeline_services.StageInUse):
        pipeline_services.delete_stage(ROBOT, first.pk)
    assert pipeline_services.delete_stage(ROBOT, first.pk, to_id=second.pk) == 1
    assert Deal.objects.get(pk=deal.pk).stage_id == second.pk


def test_cards_keep_the_order_they_were_dropped_in(inside) -> None:
    made = [services.create_deal(ROBOT, name=name) for name in "abcd"]
    stage = made[0].stage_id
    column = lambda: [card.name for card in Deal.objects.filter(stage_id=stage, pk__in=[deal.pk for deal in made]).order_by("rank", "id")]  # noqa: E731
    assert column() == ["d", "c", "b", "a"]
    services.move_deal(ROBOT, made[3].pk, stage_id=stage, before_id=made[0].pk)
    assert column() == ["c", "b", "d", "a"]
    services.move_deal(ROBOT, made[2].pk, stage_id=stage, after_id=made[0].pk)
    assert column() == ["b", "d", "a", "c"]
    assert Deal.objects.get(pk=made[3].pk).version == 1


@pytest.mark.parametrize(("low", "high"), [("", "A"), ("A", "B"), ("A", None), ("", None), ("Az", "B"), ("0V", "0W"), ("zzz", None), ("A", "A1")])
def test_a_rank_lies_between_its_neighbours(low, high) -> None:
    for _ in range(50):
        middle = ranks.between(low, high)
        assert low < middle
        assert high is None or middle < high
        low = middle


def test_the_next_step_stands_on_the_deal_itself(inside) -> None:
    deal = services.create_deal(ROBOT, name="Shelves")
    later = tasks.add(ROBOT, text="call", due_at=clock.now(), entity="deal", record_id=deal.pk)
    assert Deal.objects.get(pk=deal.pk).next_task_text == "call"
    tasks.complete(ROBOT, later.pk, result="yes")
    assert Deal.objects.get(pk=deal.pk).next_task_at is None
    tasks.reopen(ROBOT, later.pk)
    assert Deal.objects.get(pk=deal.pk).next_task_text == "call"


def test_the_board_counts_the_whole_column_in_few_statements(inside, count_statements) -> None:
    owner = cast()["owner"]
    columns = pipelines.everything().open_of(pipelines.first().pk)
    counts = []
    for number in (1, 3):
        for at in range(number):
            services.create_deal(ROBOT, name=f"Deal {at}", sum_minor=100_00)
        queries.board(owner, stages=columns, query={})  # people and stages are kept from here on
        with count_statements() as count:
            board, _chips = queries.board(owner, stages=columns, query={})
        counts.append(count())
    assert counts[0] == counts[1]
    assert board[0].count >= 4
    assert board[0].sums[0][0] >= 400_00


def test_who_leaves_hands_over_in_one_step(inside) -> None:
    people = cast()
    deal = services.create_deal(ROBOT, name="Shelves", responsible_id=people["seller"].user_id)
    tasks.add(ROBOT, text="call", due_at=clock.now(), responsible_id=people["seller"].user_id)
    with pytest.raises(Invalid):
        accounts.deactivate(people["owner"], pk=people["seller"].user_id)
    with pytest.raises(Forbidden):
        accounts.deactivate(people["manager"], pk=people["seller"].user_id, to_id=people["mate"].user_id)
    assert accounts.deactivate(people["owner"], pk=people["seller"].user_id, to_id=people["mate"].user_id) == 2
    assert Deal.objects.get(pk=deal.pk).responsible_id == people["mate"].user_id


def test_the_last_owner_cannot_leave(inside) -> None:
    owner = User.objects.get(role__code="owner")
    with pytest.raises(accounts.LastOwner):
        accounts.deactivate(ROBOT, pk=owner.pk)
    assert User.objects.get(pk=owner.pk).is_active


def _offered(deal) -> dict[str, set[str]]:
    return {entry.event.name: {one.name for one in entry.differences if one.put_back} for entry in timeline.of_subject(ROBOT, f"deal:{deal.pk}")[0]}


def _last(name: str) -> Event:
    return Event.objects.filter(name=name).order_by("-id")[0]


@pytest.mark.usefixtures("workspace_addresses")
def test_a_loss_is_put_back_whole_and_its_comment_never_alone(inside) -> None:
    deal = services.create_deal(ROBOT, name="Shelves")
    reason = next(iter(pipelines.everything().reasons))
    services.lose_deal(ROBOT, deal.pk, reason_id=reason, comment="dear")
    services.move_deal(ROBOT, deal.pk, stage_id=stages()[1].pk)
    assert _offered(deal) == {"deal.moved": {"stage_id"}, "deal.lost": {"stage_id"}, "deal.created": set()}
    with pytest.raises(putting.CannotPutBack):
        putting.put_back(ROBOT, event_id=_last("deal.moved").pk, name="lost_comment")
    lost = putting.put_back(ROBOT, event_id=_last("deal.moved").pk, name="stage_id")
    assert (lost.state, lost.lost_reason_id, lost.lost_comment) == ("lost", reason, "dear")
    back = putting.put_back(ROBOT, event_id=_last("deal.lost").pk, name="stage_id")
    assert (back.state, back.lost_reason_id, back.lost_comment, back.stage_id) == ("open", None, "", stages()[1].pk)


def test_what_is_gone_or_stands_already_cannot_be_put_back(inside) -> None:
    deal = services.create_deal(ROBOT, name="Shelves")
    gone = pipeline_services.add_stage(ROBOT, pipelines.first().pk, name="Short-lived")
    services.move_deal(ROBOT, deal.pk, stage_id=gone.pk)
    services.move_deal(ROBOT, deal.pk, stage_id=stages()[1].pk)
    moved = _last("deal.moved")
    pipeline_services.delete_stage(ROBOT, gone.pk)
    with pytest.raises(putting.CannotPutBack):
        putting.put_back(ROBOT, event_id=moved.pk, name="stage_id")
    services.change_deal(ROBOT, deal.pk, source="Fair")
    services.change_deal(ROBOT, deal.pk, source="")
    count = Event.objects.count()
    with pytest.raises(putting.StandsAlready):
        putting.put_back(ROBOT, event_id=Event.objects.filter(before__has_key="source").order_by("id")[0].pk, name="source")
    assert (Event.objects.count(), Deal.objects.get(pk=deal.pk).stage_id) == (count, stages()[1].pk)


@pytest.mark.parametrize(("who", "reads"), [("owner", True), ("manager", True), ("viewer", True), ("seller", False), ("mate", False), ("other", True)])
def test_the_board_says_what_is_next_only_to_who_may_see_the_task(inside, who: str, reads: bool) -> None:
    people = cast()
    deal = services.create_deal(ROBOT, name="Shelves", responsible_id=people["other" if who == "other" else "seller"].user_id)
    tasks.add(ROBOT, text="a secret call", due_at=clock.now(), entity="deal", record_id=deal.pk, responsible_id=people["other"].user_id)
    (card,) = [card for column in queries.board(people[who], stages=stages()[:1], query={})[0] for card in column.cards]
    assert ("secret" in card["next_task_text"], card["next_task_at"] is not None) == (reads, True)


def test_nobody_takes_over_who_is_not_here_any_more(inside) -> None:
    people = cast()
    deal = services.create_deal(ROBOT, name="Shelves", responsible_id=people["seller"].user_id)
    ghost = accounts.add_without_access(ROBOT, name="Ghost Person")
    User.objects.filter(pk=ghost.pk).update(deactivated_at=clock.now())  # as the undo of an import leaves one
    with pytest.raises(Invalid):
        accounts.deactivate(people["owner"], pk=people["seller"].user_id, to_id=ghost.pk)
    assert (Deal.objects.get(pk=deal.pk).responsible_id, User.objects.get(pk=people["seller"].user_id).is_active) == (people["seller"].user_id, True)
    assert "Ghost Person" not in str(DeactivateForm(leaving=User.objects.get(pk=people["seller"].user_id)))
