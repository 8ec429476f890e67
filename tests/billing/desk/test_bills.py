"""The page of bills and invoices, when there are many, and their paper."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from billing.documents.models import Invoice, Status
from billing.documents.paper.wording import wording
from crm_platform.accounts.models import User
from crm_platform.db import sides
from crm_platform.kernel import clock
from tests.billing.buying import Firm, firm_at, later
from tests.billing.desk.test_pages import text


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


def test_a_paid_invoice_comes_as_paper_and_to_nobody_else(firm: Firm, client: Client, make_door: Any) -> None:
    firm.buy()
    link = re.search(r'href="(/settings/plan/invoices/\w+\.pdf)"', text(client.get("/settings/plan/invoices"))).group(1)
    paper = client.get(link)
    assert (paper.status_code, paper.content[:5], paper.headers["Content-Type"]) == (200, b"%PDF-", "application/pdf")
    assert client.get(link).content == paper.content
    with firm_at(make_door(email="eve@elsewhere.example")) as eve:
        assert eve.door.client(email="eve@elsewhere.example").get(link).status_code == 404


def test_a_credit_note_of_the_payment_service_has_its_own_paper_and_none_of_ours(firm: Firm, client: Client) -> None:
    firm.buy()
    account = firm.account()
    with sides.control_unit():
        note = Invoice.objects.create(account=account, provider="stripe", kind="credit_note", status=Status.PAID, number="F-1-CN-01", currency="EUR", total_minor=-100, buyer={}, external_id="cn_1", pdf_url="https://pay.example/cn_1.pdf")
    page = text(client.get("/settings/plan/invoices"))
    assert 'href="https://pay.example/cn_1.pdf"' in page
    assert note.public_id not in page
    assert client.get(f"/settings/plan/invoices/{note.public_id}.pdf").status_code == 404


@pytest.fixture
def own_language() -> Iterator[None]:
    """What a page leaves active goes with the test."""
    with translation.override("en"):
        yield


@pytest.mark.usefixtures("own_language")
def test_paper_comes_in_the_readers_language(firm: Firm, client: Client) -> None:
    firm.buy()
    link = re.search(r'href="(/settings/plan/invoices/\w+\.pdf)"', text(client.get("/settings/plan/invoices"))).group(1)
    english = client.get(link).content
    with firm.door.unit():
        User.objects.filter(role__code="owner").update(language="ru")
    russian = client.get(link)
    assert (russian.status_code, russian.content[:5]) == (200, b"%PDF-")
    assert russian.content != english
    with sides.control_unit():
        row = Invoice.objects.get(public_id=link.rpartition("/")[2].removesuffix(".pdf"))
    with translation.override("ru"):
        said = wording(row)
    assert (said["language"], said["title"], said["buyer"]["name"]) == ("ru", "Квитанция об оплате", "Atelier Veldhuis")


def test_a_part_of_a_period_has_no_price_of_one(firm: Firm) -> None:

    firm.buy()
    with later(clock.now() + timedelta(days=11, hours=5)):
        firm.change(plan="business")
    account = firm.account()
    with sides.control_unit(), translation.override("en"):
        rows = [line for row in Invoice.objects.filter(account=account).order_by("pk") for line in wording(row)["rows"]]
    assert rows[0][2] == "€19.00"
    assert all(unit == "" or unit.strip("−") != amount.strip("−") for _what, _count, unit, amount in rows[1:])
