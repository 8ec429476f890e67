"""Questions to a list as people put them: a period by name, a company by part of its name, and what a link asks."""

from __future__ import annotations

from datetime import date

import pytest
from django.http import QueryDict

from crm_core.groundwork.custom_fields import services as custom
from crm_core.groundwork.records import periods
from crm_core.people.companies import services as companies
from crm_core.sales.deals import services as deals
from crm_core.sales.deals.desk import DESK
from crm_core.sales.pipelines import queries as pipelines
from crm_platform.kernel.errors import Invalid
from crm_platform.kernel.permissions import robot

ROBOT = robot("test")
TODAY = date(2026, 11, 26)


@pytest.mark.parametrize(
    ("value", "ends"),
    [
        ("today", (TODAY, TODAY)), ("week", (date(2026, 11, 23), TODAY)), ("month", (date(2026, 11, 1), TODAY)), ("last-month", (date(2026, 10, 1), date(2026, 10, 31))),
        ("quarter", (date(2026, 10, 1), TODAY)), ("year", (date(2026, 1, 1), TODAY)), ("last-year", (date(2025, 1, 1), date(2025, 12, 31))),
        ("2026-01-01..2026-03-31", (date(2026, 1, 1), date(2026, 3, 31))), ("..2026-03-31", (None, date(2026, 3, 31))), ("2026-01-01..", (date(2026, 1, 1), None)),
        ("..", None), ("2026-13-01..", None), ("yesterday", None), ("2026-01-01", None), ("", None),
    ],
)  # fmt: skip
def test_a_period_is_its_first_and_last_day(value: str, ends: object) -> None:
    assert periods.bounds(value, today=TODAY) == ends


def _found(query: str) -> tuple[list[str], list[str]]:
    rows, chips = DESK.narrowed(ROBOT, QueryDict(query))
    return sorted(row.name for row in rows), [chip["value"] for chip in chips]


def test_deals_by_company_and_period(inside) -> None:
    bakery, mill = companies.create_company(ROBOT, name="Bäckerei Vogel 7"), companies.create_company(ROBOT, name="Mill")
    for name, company in (("Oven", bakery), ("Stone", mill)):
        deals.create_deal(ROBOT, name=name, company_id=company.pk)
    assert _found(f"company={bakery.pk}") == (["Oven"], ["Bäckerei Vogel 7"])
    assert _found("company=backerei+vogel") == (["Oven"], ["backerei vogel"])
    assert _found("company=Vogel+7")[0] == ["Oven"]
    assert _found("company=nobody")[0] == []
    assert _found("company=99999999999999999")[0] == []
    assert _found("made=today&company=Mill")[0] == ["Stone"]
    assert _found("made=last-year") == ([], ["Last year"])
    assert _found("made=rubbish")[0] == []


def test_what_a_link_asked_stays_a_choice_of_the_form(inside) -> None:
    stages = ",".join(str(pk) for pk in list(pipelines.everything().stages)[:2])
    drawn = DESK.fields_to_narrow(QueryDict(f"stage={stages}&made=2026-01-01..2026-03-31&company=1"))
    assert f'<option value="{stages}" selected>' in drawn
    assert '<option value="2026-01-01..2026-03-31" selected>' in drawn


@pytest.mark.parametrize(
    ("kind", "value", "finds", "not_found"),
    [
        ("number", "12.5", ("12.5", "12..13", "12..", "..13", "12.50"), ("NaN", "sNaN", "Infinity", "-Infinity", "1e999999", "1e-999999", "Infinity..", "NaN..", "..NaN", "12..x", "x..13", "1e18", "²", "13", "rubbish")),
        ("money", "100", ("100", "1e2"), ("NaN", "1e999999", "Infinity..")),
        ("date", "2026-03-01", ("2026-03-01", "2026-03-01..2026-03-02", "..2026-12-31"), ("2026-13-45", "2026-02-30", "2026-13-45..", "..2026-13-45", "rubbish", "0000-00-00", "99999-01-01")),
    ],
)  # fmt: skip
def test_a_custom_field_is_found_by_its_value_and_by_no_rubbish(inside, kind: str, value: str, finds: tuple[str, ...], not_found: tuple[str, ...]) -> None:
    field = custom.add_field(ROBOT, entity="deal", name="Extra", kind=kind)
    deals.create_deal(ROBOT, name="Oven", custom={str(field.pk): value})
    for text in finds:
        assert _found(f"f{field.pk}={text}")[0] == ["Oven"], text
    for text in not_found:
        assert _found(f"f{field.pk}={text}")[0] == [], text


def test_a_day_that_is_none_is_refused_in_our_words(inside) -> None:
    field = custom.add_field(ROBOT, entity="deal", name="Since", kind="date")
    with pytest.raises(Invalid) as refused:
        deals.create_deal(ROBOT, name="Oven", custom={str(field.pk): "2026-13-45"})
    assert refused.value.message == "This is not a date."
