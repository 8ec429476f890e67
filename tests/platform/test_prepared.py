"""A prepared question gives what its query set gives."""

from __future__ import annotations

from typing import Any

import pytest

from crm_core.engagement.tasks import services as tasks
from crm_core.engagement.tasks.models import Task
from crm_core.groundwork.tags import services as tag_services
from crm_core.people.companies import services as companies
from crm_core.people.companies.models import Company
from crm_core.sales.deals import services as deals
from crm_core.sales.deals.models import Deal
from crm_platform.accounts.models import User
from crm_platform.db.prepared import Prepared, by_key, by_keys, columns_by_keys, firsts, names_by_key
from crm_platform.events.models import Event
from crm_platform.kernel import clock
from crm_platform.kernel.permissions import robot

ROBOT = robot("test")


def _held(row: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(row).items() if name != "_state"}


def test_the_same_rows_with_their_relations(inside, count_statements) -> None:
    question = Prepared(User, lambda pk: User.objects.select_related("role", "group").filter(pk=pk))
    for person in User.objects.select_related("role", "group"):
        question.rows(pk=person.pk)
        with count_statements() as count:
            found = question.first(pk=person.pk)
            assert found is not None
            assert _held(found) == _held(person)
            assert _held(found.role) == _held(person.role)
            assert found.group == person.group
        assert count() == 1


def test_json_lists_money_and_moments_come_as_ever(inside) -> None:
    company = companies.create_company(ROBOT, name="Bakker's")
    for at in range(3):
        deal = deals.create_deal(ROBOT, name=f"Ove%s {at}", sum_minor=100 + at, company_id=company.pk, tag_ids=tag_services.ids_of("deal", ["VIP"]))
        deals.change_deal(ROBOT, deal.pk, name=f"O'Neill {at}")
    mine = Prepared(Deal, lambda company, since: Deal.objects.filter(company=company, created_at__lte=since).exclude(name__contains="%").order_by("-id")[:2])
    stock = Deal.objects.filter(company=company.pk).order_by("-id")[:2]
    assert [_held(row) for row in mine.rows(company=company.pk, since=clock.now())] == [_held(row) for row in stock]
    events = Prepared(Event, lambda subject: Event.objects.filter(subjects__contains=[subject]).order_by("id"))
    assert [_held(row) for row in events.rows(subject=f"deal:{deal.pk}")] == [_held(row) for row in Event.objects.filter(subjects__contains=[f"deal:{deal.pk}"]).order_by("id")]
    assert events.rows(subject="deal:'); drop table deal; --") == []
    assert Deal.objects.count() >= 3


def test_columns_alone_are_those_of_the_instances(inside, count_statements) -> None:
    pks = [deals.create_deal(ROBOT, name=name, sum_minor=7).pk for name in ('100 % "oak"', "Oven")]
    columns_by_keys(Deal, pks)
    with count_statements() as count:
        found = columns_by_keys(Deal, [*pks, 2**40])
    assert count() == 1
    of_instances = {pk: {name: value for name, value in _held(row).items() if not name.endswith("_read")} for pk, row in by_keys(Deal, pks).items()}
    assert {pk: vars(row) for pk, row in found.items()} == of_instances
    assert [found[pk].pk for pk in pks] == pks
    with pytest.raises(AttributeError):
        _ = found[pks[0]].stage


def test_of_objects_that_are_empty_each_row_has_its_own(inside) -> None:
    pks = [deals.create_deal(ROBOT, name="Oven").pk for _ in range(2)]
    one, other = (by_keys(Deal, pks)[pk] for pk in pks)
    assert one.custom == other.custom == {}
    one.custom["7"] = "written"
    assert other.custom == by_key(Deal, other.pk).custom == {}


def test_what_is_read_can_be_saved(inside) -> None:
    task = tasks.add(ROBOT, text="call", due_at=clock.now())
    read = by_key(Task, task.pk)
    assert read is not None
    read.text = "write"
    read.save(update_fields=["text"])
    assert Task.objects.get(pk=task.pk).text == "write"


def test_a_number_that_no_column_holds_is_found_nowhere(inside) -> None:
    assert by_key(Deal, 10**30) is None
    assert by_key(Deal, 0) is None


def test_what_finds_no_place_is_refused(inside) -> None:
    with pytest.raises(ValueError, match="no place for name"):
        Prepared(Deal, lambda pk, name: Deal.objects.filter(pk=pk)).rows(pk=1, name="x")
    with pytest.raises(ValueError, match="NoneType"):
        Prepared(Deal, lambda company: Deal.objects.filter(company=company)).rows(company=None)


def test_a_list_of_any_length_is_one_statement(inside, count_statements) -> None:
    made = [companies.create_company(ROBOT, name=f"Firm {at}") for at in range(5)]
    with count_statements() as count:
        for length in (1, 3, 5):
            assert names_by_key(Company, [one.pk for one in made[:length]]) == {one.pk: one.name for one in made[:length]}
        assert names_by_key(Company, []) == {}
    assert count() == 3


def test_rows_by_their_keys_leave_a_column_until_it_is_read(inside, count_statements) -> None:
    made = [companies.create_company(ROBOT, name=f"Bakker {at}") for at in range(3)]
    with count_statements() as count:
        found = by_keys(Company, [made[2].pk, made[0].pk, 10**9], without=("custom",))
        assert count() == 1
        assert {pk: row.name for pk, row in found.items()} == {made[0].pk: "Bakker 0", made[2].pk: "Bakker 2"}
        assert found[made[0].pk].custom == {}
        assert count() == 2
    assert by_keys(Company, []) == {}


def test_two_questions_go_in_one_round_trip(inside, count_statements) -> None:
    company = companies.create_company(ROBOT, name="Bakker; '--%s")
    task = tasks.add(ROBOT, text="call", due_at=clock.now())
    one, other = Prepared(Company, lambda name: Company.objects.filter(name=name)), Prepared(Task, lambda pk: Task.objects.filter(pk=pk))
    firsts(one, {"name": company.name}, other, {"pk": task.pk})
    with count_statements() as count:
        found = firsts(one, {"name": company.name}, other, {"pk": task.pk})
        assert [row and row.pk for row in found] == [company.pk, task.pk]
        assert count() == 1
    assert firsts(one, {"name": "nobody"}, other, {"pk": task.pk})[0] is None
    assert firsts(one, {"name": company.name}, other, {"pk": 0})[1] is None
