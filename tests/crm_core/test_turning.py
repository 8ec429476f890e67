"""Pages of a whole list begin behind a mark, and hold what counting off would give."""

from __future__ import annotations

import re
from typing import Any

import pytest

from crm_core.groundwork.records.turning import Turner
from crm_core.people.contacts import services as contacts
from crm_core.people.contacts.models import Contact
from crm_core.sales.deals.models import Deal
from crm_platform.kernel.permissions import robot

ROBOT = robot("test")


def _fill(door: Any, number: int = 310) -> None:
    """Contacts of which many share a name: the id decides between them."""
    with door.unit():
        contacts.create_contacts(ROBOT, [{"name": f"Jan {at // 40}"} for at in range(number)])


def _counted_off(order: tuple[str, str], page: int, size: int) -> list[int]:
    return list(Contact.objects.filter(binned_at=None).order_by(*order).values_list("pk", flat=True)[(page - 1) * size : page * size])


@pytest.mark.parametrize("order", [("sort_key", "id"), ("-sort_key", "-id"), ("created_at", "id"), ("-created_at", "-id")])
@pytest.mark.parametrize("size", [25, 100])
def test_each_page_is_what_counting_off_gives(doors, order, size) -> None:
    _fill(doors)
    turner = Turner(Contact, "contact", order, ("custom",))
    for page in (*range(1, 310 // size + 2), 310 // size - 1, 99):  # on from page to page, back, and beyond the end
        with doors.unit():
            assert [row.pk for row in turner.rows(page, size)] == _counted_off(order, page, size), page


def test_the_page_after_the_one_that_was_read_costs_one_statement(doors, count_statements) -> None:
    _fill(doors)
    turner = Turner(Contact, "contact", ("sort_key", "id"), ())
    with doors.unit():
        turner.rows(8, 25)
    with doors.unit(), count_statements() as count:
        found = turner.rows(9, 25)
        here = count()
        turner.rows(12, 25)
        assert (here, count() - here) == (1, 2)  # a page one leaps to has to be found first
        assert found[0].sort_key == "jan 0000000005"


def test_a_mark_is_found_anew_when_a_row_comes_before_it(doors) -> None:
    _fill(doors)
    turner = Turner(Contact, "contact", ("sort_key", "id"), ())
    with doors.unit():
        turner.rows(9, 25)
    with doors.unit():
        contacts.create_contact(ROBOT, name="Aaltje")
        assert [row.pk for row in turner.rows(9, 25)] == _counted_off(("sort_key", "id"), 9, 25)
    with doors.unit():
        contacts.create_contact(ROBOT, name="Aafke")
    with doors.unit():
        assert [row.pk for row in turner.rows(9, 25)] == _counted_off(("sort_key", "id"), 9, 25)


def test_a_column_that_may_be_empty_is_counted_off(doors, count_statements) -> None:
    from crm_core.sales.deals import services as deals

    with doors.unit():
        for at in range(210):
            deals.create_deal(ROBOT, name=f"Deal {at}", **({"sum_minor": at} if at % 3 else {}))
    seen: list[int] = []
    for page in range(1, 10):
        with doors.unit(), count_statements() as count:
            seen += [row.pk for row in Turner(Deal, "deal", ("sum_minor", "id"), ()).rows(page, 25)]
            assert count() == 1
    assert len(seen) == len(set(seen)) == 210


@pytest.mark.parametrize(("sort", "known"), [("sum_minor", [10, 20, 30]), ("-sum_minor", [30, 20, 10])])
@pytest.mark.parametrize("narrowed", [False, True])
def test_what_is_empty_stands_last_in_both_directions(doors, sort: str, known: list[int], narrowed: bool) -> None:
    from crm_core.sales.deals import services as deals

    with doors.unit():
        for at, amount in enumerate([None, 20, None, 10, 30, None]):
            deals.create_deal(ROBOT, name=f"Deal{at} of {amount}", **({} if amount is None else {"sum_minor": amount}))
    page = doors.client().get("/deals", {"sort": sort, **({"q": "Deal"} if narrowed else {})}).content.decode()
    shown = re.findall(r"Deal\d of (\w+)", re.sub(r'aria-label="[^"]*"', "", page))
    assert [word for at, word in enumerate(shown) if word not in shown[:at]] == [*map(str, known), "None"]
    assert shown[-3:] == ["None"] * 3
