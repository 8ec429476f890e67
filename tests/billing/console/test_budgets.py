"""What a page of the console may ask of the database, however much there is; and who may open it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from billing.reports import daily
from crm_platform.db import sides
from tests.conftest import Door

from .desk import browser

Desk = Callable[..., Client]
# Statements of a page, those of the session, the operator and the rail's figures among them.
FRAME = 10
BUDGETS = {
    "/": 14, "/workspaces": 5, "/unpaid": 4, "/transfers": 4, "/transfers/recorded": 3, "/refunds": 4, "/events": 3, "/drift": 3, "/plans": 5, "/plans/team": 3, "/plans/team/new": 2, "/add-ons/storage_50": 3,
    "/add-ons/storage_50/new": 2, "/coupons": 3, "/journal": 3, "/operators": 2, "/me": 5, "/revenue": 10, "/revenue/cohorts": 4, "/workspaces/{}": 14,
}  # fmt: skip


@pytest.mark.parametrize("role", ["viewer", "money", "admin"])
def test_every_page_opens_for_every_operator_within_its_budget(desk: Desk, doors: Door, role: str) -> None:
    client = desk(role)
    with sides.control_unit():
        daily.take()  # the figures of a day are read where there is one
    client.get("/")
    asked = {}
    for path, most in BUDGETS.items():
        with CaptureQueriesContext(connections["control"]) as found:
            assert client.get(path.format(doors.place.public_id)).status_code == 200, path
        asked[path] = (len(found), most + FRAME)
    assert {path: figures for path, figures in asked.items() if figures[0] > figures[1]} == {}


@pytest.mark.parametrize("person", ["stranger", "without a factor", "unproven", "owner of a workspace"])
def test_nobody_else_opens_any_page_or_does_anything(desk: Desk, doors: Door, person: str) -> None:
    client = browser() if person in ("stranger", "owner of a workspace") else desk("admin", second_factor=person != "without a factor", proven=False)
    if person == "owner of a workspace":
        client.cookies["session"] = doors.client().cookies["session"].value
    for path in BUDGETS:
        assert client.get(path.format(doors.place.public_id)).status_code == 302, path
    for path in ("/transfers", "/transfers/1/settle", "/drift/1/mend", "/me/password", "/me/sessions", "/add-ons/storage_50/new", "/add-ons/sale/1", "/coupons", f"/workspaces/{doors.place.public_id}/extend"):
        assert client.post(path).status_code in (302, 401, 403), path
