"""The pages of revenue and their exports."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from python_calamine import CalamineWorkbook

from billing.models import Subscription
from billing.reports import daily
from billing.reports.models import Day, Movement, MrrLine, TrialStart
from crm_platform.db import sides
from crm_platform.events.models import Event
from crm_platform.kernel import clock, money
from tenants.models import State, Workspace
from tests.billing.console.desk import desk

from .year import BEGINS, paid

__all__ = ["desk"]
Desk = Callable[..., Client]


@pytest.fixture
def earned(house: None, django_db_blocker: Any) -> Iterator[list[Subscription]]:
    """Two committed workspaces that pay, one of which grows, over a month; nothing of it stays."""
    with django_db_blocker.unblock():
        with sides.control_unit():
            rows = [paid(BEGINS, seats=2), paid(BEGINS, seats=3, currency="RUB")]
            with clock.frozen(BEGINS):
                daily.take()
            Subscription.objects.filter(pk=rows[0].pk).update(seats=4)
            with clock.frozen(BEGINS + timedelta(days=20)):
                daily.take()
        yield rows
        with sides.control_unit():
            for model in (Movement, MrrLine, Day, TrialStart):
                model.objects.all().delete()
            Subscription.objects.filter(pk__in=[row.pk for row in rows]).delete()
            Workspace.objects.filter(pk__in=[row.pk for row in rows]).update(state=State.ERASED, slug=None, erased_at=clock.real_now())


def test_a_month_its_movements_and_who_pays(desk: Desk, earned: list[Subscription]) -> None:
    client = desk("viewer")
    page = client.get("/revenue", {"currency": "EUR"}).content.decode()
    assert "Adds up" in page
    with sides.control_unit():
        total = sum(MrrLine.objects.filter(day__day=BEGINS.date() + timedelta(days=20), currency="EUR").values_list("minor", flat=True))
    assert money.show(total, currency="EUR") in page
    assert "RUB" in page
    slug = earned[0].workspace.slug
    moves = client.get("/revenue/moves", {"month": "2027-01", "currency": "EUR", "kind": "expansion"}).content.decode()
    assert slug in moves
    assert "€38" in moves
    assert slug not in client.get("/revenue/moves", {"kind": "churn"}).content.decode()
    assert "Dec 2026" in client.get("/revenue/cohorts").content.decode()
    for rubbish in ("month=2027-99", "month=²", "currency=XXX", "kind=none", "page=²"):
        assert client.get(f"/revenue?{rubbish}").status_code == 200
        assert client.get(f"/revenue/moves?{rubbish}").status_code == 200


def test_exports_are_for_those_who_handle_money_and_are_noted(desk: Desk, earned: list[Subscription]) -> None:
    looker, teller = desk("viewer"), desk("money")
    assert looker.get("/revenue/export/moves").status_code == 403
    assert teller.get("/revenue/export/people").status_code == 404
    text = teller.get("/revenue/export/moves?format=csv").content.decode("utf-8-sig")
    assert f"{earned[0].workspace.slug},{earned[0].workspace.public_id},expansion,,EUR,38.00" in text
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(teller.get("/revenue/export/lines").content)).get_sheet_by_index(0).to_python()
    assert {row[7] for row in sheet[1:] if row[0] in {one.workspace.slug for one in earned}} == {76.0, 5670.0}
    with sides.control_unit():
        noted = Event.objects.filter(name="revenue.exported").order_by("-id")[0]
    assert noted.after["what"] == "lines"
    assert noted.actor_name.endswith(f"<{teller.person.email}>")  # type: ignore[attr-defined]


def test_the_page_asks_the_same_however_much_there_is(desk: Desk, earned: list[Subscription]) -> None:
    from django.db import connections
    from django.test.utils import CaptureQueriesContext

    client, counts = desk("viewer"), []
    client.get("/revenue")
    for day in (25, 60):
        with sides.control_unit(), clock.frozen(BEGINS + timedelta(days=day)):
            daily.take()
        with CaptureQueriesContext(connections["control"]) as asked:
            assert client.get("/revenue").status_code == 200
        counts.append(len(asked))
    assert counts[0] == counts[1]
