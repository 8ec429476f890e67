"""The page of bills and invoices, when there are many."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from billing.documents.models import Invoice, Status
from crm_platform.db import sides
from crm_platform.kernel import clock
from tests.billing.buying import Firm, firm_at


@pytest.fixture
def client(firm: Firm) -> Client:
    return firm.door.client()


def numbers(client: Client, query: str = "") -> list[str]:
    return re.findall(r'<th scope="row">(M-\d+)</th>', client.get(f"/settings/plan/invoices{query}").content.decode())


def test_old_ones_are_reached_page_by_page_and_others_are_not_there(firm: Firm, client: Client, make_door: Any) -> None:
    firm.buy()
    with firm_at(make_door(email="eve@elsewhere.example")) as eve:
        eve.buy()
        accounts = ((True, firm.account()), (False, eve.account()))
        with sides.control_unit():
            for mine, account in accounts:
                Invoice.objects.bulk_create([
                    Invoice(account=account, status=Status.OPEN, number=f"M-{number}" if mine else "M-0", currency="EUR", total_minor=100, buyer={}, issued_at=clock.now(), external_id=f"{mine}{number}")
                    for number in range(1, 121)
                ])  # fmt: skip
        assert numbers(client) == [f"M-{number}" for number in range(120, 70, -1)]
        assert numbers(client, "?page=3&rows=50") == [f"M-{number}" for number in range(20, 0, -1)]
        assert numbers(client, "?page=999") == numbers(client, "?page=3")
