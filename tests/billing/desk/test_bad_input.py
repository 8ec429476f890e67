"""Bad input and broken ways through the administrator's pages: nothing is charged that was not shown, and nothing twice."""

from __future__ import annotations

import html
import re
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from billing.documents.models import Invoice
from billing.models import Checkout
from crm_platform.accounts import roles
from crm_platform.db import sides
from crm_platform.kernel import clock
from tests.billing.buying import Firm, firm_at, later
from tests.billing.desk.test_pages import hidden, sums, text
from tests.factories.cast import person

CHOICE = {"plan": "team", "seats": "5", "currency": "EUR", "interval": "month", "begin": "now"}


@pytest.fixture
def client(firm: Firm) -> Client:
    return firm.door.client()


def begin(client: Client, **values: str) -> Any:
    return client.post("/settings/plan/checkout", {**CHOICE, "provider": "stripe", **values})


def session(answer: Any) -> str:
    return answer.headers["Location"].rpartition("/")[2]


def opened(firm: Firm) -> int:
    with sides.control_unit():
        return Checkout.objects.filter(account__workspace=firm.door.workspace).count()


def test_a_tampered_price_is_not_looked_at(firm: Firm, client: Client) -> None:
    forged = {"price": "1", "unit": "1", "total": "1", "amount": "0.01", "discount": "100", "tax_bp": "0", "data-total": "1", "version": "99", "trial_end": "2099-01-01", "line:0": "1"}
    firm.provider.pay_checkout(session(begin(client, **forged)))
    firm.look()
    assert firm.charged() == 9_500
    page = text(client.get("/settings/plan/choose?plan=business&seats=8"))
    due = sums(page)["now"]
    client.post("/settings/plan/change", {**hidden(page, "/settings/plan/change"), **forged})
    assert f"{(firm.charged() - 9_500) / 100:.2f}" == due
    page = text(client.get("/settings/plan/seats/change?count=1&way=more"))
    before, due = firm.charged(), sums(page)["now"]
    client.post("/settings/plan/seats/change", {**hidden(page, "/settings/plan/seats/change"), **forged})
    assert f"{(firm.charged() - before) / 100:.2f}" == due


def test_figures_of_another_time_are_looked_at_again(firm: Firm, client: Client) -> None:
    firm.buy()
    before = firm.state()
    for moment in ("", "yesterday", "2001-01-01T00:00:00+00:00", "2999-01-01T00:00:00+00:00", "2026-13-45T99:99:99Z", "0001-01-01T00:00:00+14:00"):
        for path, values in (("/settings/plan/change", {"plan": "business", "seats": "8"}), ("/settings/plan/seats/change", {"count": "1", "way": "more"})):
            answer = client.post(path, {**values, "as_of": moment})
            assert (answer.status_code, "too old" in text(answer)) == (422, True), (path, moment)
    assert firm.state() == before


@pytest.mark.parametrize("count", ["0", "-1", "1000000000", "2.5", "²", "", "ten", "1e3", "9" * 400])
def test_a_quantity_that_cannot_be(firm: Firm, client: Client, public: Client, count: str) -> None:
    assert public.get("/prices", {"seats": count}).status_code == 200
    for path in ("/settings/plan/checkout", "/settings/plan/change"):
        if count:
            assert client.post(path, {**CHOICE, "seats": count, "provider": "stripe", "as_of": clock.now().isoformat()}).status_code in (409, 422), path
    assert not firm.provider.books.checkouts
    firm.buy()
    before = firm.state()
    for way in ("more", "fewer"):
        looked = client.get("/settings/plan/seats/change", {"count": count, "way": way})
        sent = client.post("/settings/plan/seats/change", {"count": count, "way": way, "as_of": clock.now().isoformat()})
        assert (looked.status_code, sent.status_code) in ((200, 200), (200, 422)), way
        assert "data-total" not in text(looked)
    assert firm.state() == before


@pytest.mark.parametrize("currency", ["USD", "GBP", "eur", "€", "EUR'--"])
def test_a_foreign_currency_buys_nothing(firm: Firm, client: Client, currency: str) -> None:
    firm.buy()
    before = firm.state()
    answer = client.post("/settings/plan/change", {**CHOICE, "plan": "business", "currency": currency, "as_of": clock.now().isoformat()})
    assert (answer.status_code, 'role="alert"' in text(answer)) == (422, True)
    assert firm.state() == before


def test_another_firms_bill_is_not_paid_nor_its_session_finished(firm: Firm, client: Client, make_door: Any) -> None:
    firm.buy()
    firm.provider.decline_next()
    with later(firm.row().period_end + timedelta(hours=2)):
        firm.look()
        account = firm.account()
        with sides.control_unit():
            bill = Invoice.objects.get(account=account, status="open")
        with firm_at(make_door(email="eve@elsewhere.example")) as eve:
            theirs = eve.door.client(email="eve@elsewhere.example")
            for path in (f"/settings/plan/invoices/{bill.public_id}/payment", f"/settings/plan/invoices/{bill.external_id}/payment"):
                assert theirs.post(path).status_code == 404, path
            for name in (bill.public_id, bill.external_id, bill.number):
                assert theirs.get(f"/settings/plan/invoices/{name}.pdf").status_code == 404, name
        assert firm.row().past_due_since is not None


@pytest.mark.parametrize("given", ["", "none", "cs_test_1", "../..", "a" * 5000, "%00"])
def test_a_session_that_is_nobodys(firm: Firm, client: Client, given: str) -> None:
    assert client.get("/settings/plan/return", {"session": given}).status_code == 404


def test_an_expired_code_typed_with_spaces(firm: Firm, client: Client, codes: Any) -> None:
    codes(code="SPRING26", percent_bp=5_000, duration="once", expires_at=clock.now() - timedelta(days=1))
    codes(code="AUTUMN26", percent_bp=5_000, duration="once")
    page = text(client.get("/settings/plan/choose", {**CHOICE, "coupon": "  spring26 "}))
    assert "SPRING26 is over" in page
    sent = begin(client, coupon="  spring26 ")
    assert (sent.status_code, "SPRING26 is over" in text(sent)) == (422, True)
    assert 'value="  spring26 "' in text(sent)
    assert not firm.provider.books.checkouts
    refused = client.post("/settings/plan/rules/code", {"promo-code": "  spring26 "})
    assert (refused.status_code, "SPRING26 is over" in text(refused)) == (422, True)
    firm.provider.pay_checkout(session(begin(client, coupon=" autumn26  ")))
    firm.look()
    assert firm.charged() == 4_750


def test_two_administrators_who_looked_at_the_same_time(firm: Firm, client: Client) -> None:
    firm.buy()
    with firm.door.unit():
        person(roles.ADMINISTRATOR, name="Ada")
    ada = firm.door.client(email="ada@veldhuis.example")
    hers, his = text(ada.get("/settings/plan/choose?plan=business&seats=8")), text(client.get("/settings/plan/choose?plan=team&seats=9"))
    assert ada.post("/settings/plan/change", hidden(hers, "/settings/plan/change")).status_code == 303
    after = firm.state()
    late = client.post("/settings/plan/change", hidden(his, "/settings/plan/change"))
    assert (late.status_code, "was changed while you were looking" in text(late)) == (409, True)
    assert re.search(r'name="seats"[^>]*value="9"', text(late))
    assert firm.state() == after


def test_two_administrators_who_confirm_in_the_same_moment(firm: Firm, client: Client) -> None:
    firm.buy()
    with firm.door.unit():
        person(roles.ADMINISTRATOR, name="Ada")
    browsers = {"business": client, "crew": firm.door.client(email="ada@veldhuis.example")}
    forms = {plan: hidden(text(one.get(f"/settings/plan/choose?plan={plan}&seats=8")), "/settings/plan/change") for plan, one in browsers.items()}
    found: dict[str, int] = {}
    start = threading.Barrier(2)

    def send(plan: str) -> None:
        try:
            start.wait(timeout=30)
            found[plan] = browsers[plan].post("/settings/plan/change", forms[plan]).status_code
        finally:
            connections.close_all()

    threads = [threading.Thread(target=send, args=(plan,)) for plan in browsers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found.values()) == [303, 409], found
    won = next(plan for plan, status in found.items() if status == 303)
    assert firm.row().plan.code == won


def test_a_browser_closed_before_paying(firm: Firm, client: Client) -> None:
    client.get("/settings/plan/choose", CHOICE)
    assert opened(firm) == 0
    first = begin(client)
    page = text(client.get("/settings/plan"))  # another day, from the start page
    assert "A payment was begun" in page
    assert html.escape(first.headers["Location"]) in page
    assert begin(client).headers["Location"] == first.headers["Location"]
    assert (opened(firm), firm.charged()) == (1, 0)
    assert client.post("/settings/plan/checkout/given-up").status_code == 303
    assert "A payment was begun" not in text(client.get("/settings/plan"))
    assert firm.provider.books.checkouts[session(first)].state != "open"  # nobody can pay it any more


def test_a_browser_closed_after_paying(firm: Firm, client: Client) -> None:
    reference = session(begin(client))
    firm.provider.pay_checkout(reference)
    firm.look()  # the provider's event, without anybody's browser
    assert firm.row().plan.code == "team"
    assert "A payment was begun" not in text(client.get("/settings/plan"))
    for _time in range(2):
        assert client.get(f"/settings/plan/return?session={reference}").headers["Location"] == "/settings/plan"
    with later(clock.now() + timedelta(days=3)):
        assert firm.door.client().get(f"/settings/plan/return?session={reference}").status_code == 303
    assert firm.charged() == 9_500


def test_the_back_button_after_paying_pays_nothing_twice(firm: Firm, client: Client) -> None:
    page = text(client.get("/settings/plan/choose", CHOICE))
    form = {**hidden(page, "/settings/plan/checkout"), "provider": "stripe"}
    reference = session(client.post("/settings/plan/checkout", form))
    firm.provider.pay_checkout(reference)
    firm.look()
    again = client.post("/settings/plan/checkout", form)  # the old page, sent once more
    other = begin(client, seats="7")  # and a fresh one
    assert (again.status_code, other.status_code) == (303, 409)
    assert "has a plan already" in text(other)
    assert (firm.charged(), opened(firm), firm.row().seats) == (9_500, 1, 5)


def test_a_form_sent_twice_begins_one_payment(firm: Firm, client: Client) -> None:
    form = {**hidden(text(client.get("/settings/plan/choose", CHOICE)), "/settings/plan/checkout"), "provider": "stripe"}
    assert {client.post("/settings/plan/checkout", form).headers["Location"] for _time in range(3)} == {begin(client).headers["Location"]}
    assert (opened(firm), len(firm.provider.books.checkouts)) == (1, 1)


def test_a_second_tab_that_wants_something_else_closes_the_first(firm: Firm, client: Client) -> None:
    first, second = session(begin(client)), session(begin(client, seats="7"))
    assert first != second
    assert firm.provider.books.checkouts[first].state != "open"
    assert client.get(f"/settings/plan/return?session={first}").headers["Location"] == "/settings/plan"  # nothing to wait for
    assert "was not paid" in text(client.get("/settings/plan"))
    assert firm.charged() == 0
    firm.provider.pay_checkout(second)
    assert client.get(f"/settings/plan/return?session={second}").status_code == 303
    assert (firm.charged(), firm.row().seats) == (7 * 1_900, 7)


def test_an_unknown_way_of_paying(firm: Firm, client: Client) -> None:
    for provider in ("", "paypal", "__class__", "stripe ", "STRIPE"):
        assert begin(client, provider=provider).status_code in (404, 409, 422), provider
    assert (opened(firm), firm.charged()) == (0, 0)
