"""The administrator's pages of plan and money, through the real doors, with the provider in memory."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from billing.models import Checkout, Payer, PendingChange
from billing.seats import admitting, asking, buying
from billing.seats.models import SeatDay
from billing.subscribing import paying, pricing_of
from crm_platform.accounts import roles, services
from crm_platform.accounts.models import Role, User
from crm_platform.db import sides
from crm_platform.kernel import clock
from tests.billing.buying import Firm, firm_at, later
from tests.factories.cast import person

PAGES = [
    "/settings/plan", "/settings/plan/compare", "/settings/plan/choose", "/settings/plan/cancel", "/settings/plan/pause", "/settings/plan/seats", "/settings/plan/seats/change?count=2",
    "/settings/plan/seats/stay", "/settings/plan/invoices", "/settings/plan/payers", "/settings/plan/payers/new", "/settings/plan/rules",
]  # fmt: skip


# None of the pages asks more than this of both sides together; one of them looks at the choice first, and is then served anew.
MOST_STATEMENTS, MOST_WITH_A_LOOK = 40, 64


@pytest.fixture
def client(firm: Firm) -> Client:
    return firm.door.client()


def sums(page: str) -> dict[str, str]:
    return dict(re.findall(r'data-total="(\w+)"><data value="(-?[\d.]+)"', page))


def hidden(page: str, action: str) -> dict[str, str]:
    """What a form would send."""
    form = re.search(rf'<form[^>]*method="post" action="{re.escape(action)}".*?</form>', page, re.DOTALL).group(0)
    return {html.unescape(name): html.unescape(value) for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form)}


def text(answer: Any) -> str:
    return answer.content.decode()


@pytest.mark.parametrize("bought", [False, True])
def test_every_page_answers_its_owner_and_no_stranger(firm: Firm, client: Client, bought: bool) -> None:
    if bought:
        firm.buy()
    for path in PAGES:
        answer = client.get(path)
        assert answer.status_code == 200, (path, text(answer)[:2000])
        assert firm.door.client(email=None).get(path).status_code == 302, path


def test_who_may_see_the_money(firm: Firm) -> None:
    with firm.door.unit():
        for name, role in (("Ada", roles.ADMINISTRATOR), ("Mia", roles.MANAGER), ("Sam", roles.SELLER), ("Vera", roles.VIEWER)):
            person(role, name=name)
    for name, status in (("ada", 200), ("mia", 403), ("sam", 403), ("vera", 403)):
        browser = firm.door.client(email=f"{name}@veldhuis.example")
        for path in ("/settings/plan", "/settings/plan/invoices", "/settings/plan/choose"):
            assert browser.get(path).status_code == status, (name, path)
        if status == 403:
            for path in ("/settings/plan/checkout", "/settings/plan/change", "/settings/plan/cancel", "/settings/plan/rules/ceiling"):
                assert browser.post(path, {"plan": "team", "seats": "3", "provider": "stripe"}).status_code == 403, (name, path)
    assert not firm.provider.books.customers


def test_a_role_that_only_sees_the_money_is_offered_nothing(firm: Firm) -> None:
    firm.buy()
    with firm.door.unit():
        books = person(roles.MANAGER, name="Bo")
        books.role.rights = {**books.role.rights, "billing.view": 3}
        books.role.save()
    browser = firm.door.client(email="bo@veldhuis.example")
    for path in ("/settings/plan", "/settings/plan/compare", "/settings/plan/seats", "/settings/plan/invoices", "/settings/plan/payers"):
        page = browser.get(path)
        assert page.status_code == 200, path
        assert not re.findall(r'action="/settings/plan[^"]*"|href="/settings/plan/(?:choose|cancel|pause|seats/change|payers/new)', text(page)), path
    for path in ("/settings/plan/choose", "/settings/plan/cancel", "/settings/plan/seats/change", "/settings/plan/payers/new"):
        assert browser.get(path).status_code == 403, path


def test_from_choice_to_checkout_and_back(firm: Firm, client: Client) -> None:
    page = text(client.get("/settings/plan/choose?plan=team&seats=5&currency=EUR&interval=month&begin=now"))
    assert sums(page)["now"] == "95.00"
    values = hidden(page, "/settings/plan/checkout")
    gone = client.post("/settings/plan/checkout", {**values, "provider": "stripe"})
    assert gone.status_code == 303
    reference = gone.headers["Location"].rpartition("/")[2]
    waits = client.get(f"/settings/plan/return?session={reference}")
    assert (waits.status_code, waits.headers["Refresh"]) == (200, "10")
    assert "Do not pay again" in text(waits)
    assert "A payment was begun" in text(client.get("/settings/plan"))
    firm.provider.pay_checkout(reference)
    back = client.get(f"/settings/plan/return?session={reference}", HTTP_HX_REQUEST="true")
    assert (back.status_code, back.headers["HX-Redirect"]) == (204, "/settings/plan")
    shown = text(client.get("/settings/plan"))
    assert sums(shown)["next"] == "95.00"
    assert "Paid" in shown
    assert firm.charged() == 9_500
    assert shown.count('<tr><th scope="row">') >= 12


def test_the_look_is_what_is_charged(firm: Firm, client: Client) -> None:
    firm.buy()
    page = text(client.get("/settings/plan/choose?plan=business&seats=8"))
    due = sums(page)["now"]
    before = firm.charged()
    values = hidden(page, "/settings/plan/change")
    changed = client.post("/settings/plan/change", values)
    assert (changed.status_code, changed.headers["Location"]) == (303, "/settings/plan")
    assert f"{(firm.charged() - before) / 100:.2f}" == due
    again = client.post("/settings/plan/change", values)
    assert again.status_code == 303
    assert f"{(firm.charged() - before) / 100:.2f}" == due
    assert (firm.row().plan.code, firm.row().seats) == ("business", 8)


def test_the_first_bill_is_the_price_pages(firm: Firm, client: Client, public: Client) -> None:
    wish = {"plan": "team", "seats": "13", "currency": "EUR", "addon:contacts_10k": "2", "interval": "month", "begin": "now"}
    counted = re.search(r'data-total><data value="([\d.]+)"', text(public.get("/prices", {name: value for name, value in wish.items() if name != "interval"}))).group(1)
    assert sums(text(client.get("/settings/plan/choose", wish)))["now"] == counted
    firm.buy(**wish)
    assert f"{firm.charged() / 100:.2f}" == counted
    assert pricing_of.price(firm.place, firm.target(**wish)).total == firm.charged()


@pytest.mark.parametrize("values", [{"seats": "0"}, {"seats": "-1"}, {"seats": "1000000000"}, {"plan": "gold"}, {"currency": "GBP"}, {"addon:contacts_10k": "-1"}, {"coupon": "none such"}])
def test_what_cannot_be_is_said_and_what_was_typed_stays(firm: Firm, client: Client, values: dict[str, str]) -> None:
    before = firm.state()
    asked = {"plan": "team", "seats": "7", **values}
    page = client.get("/settings/plan/choose", asked)
    assert page.status_code == 200
    assert 'role="alert"' in text(page)
    sent = client.post("/settings/plan/checkout", {**asked, "provider": "stripe"})
    assert sent.status_code in (409, 422)
    assert f'value="{asked["seats"]}"' in text(sent)
    assert firm.state() == before
    assert not firm.provider.books.checkouts


def test_a_declined_change_is_said_and_nothing_changes(firm: Firm, client: Client) -> None:
    firm.buy()
    page = text(client.get("/settings/plan/choose?plan=business&seats=8"))
    firm.provider.decline_next()
    answer = client.post("/settings/plan/change", hidden(page, "/settings/plan/change"))
    assert answer.status_code == 402
    assert "declined" in text(answer)
    assert firm.row().plan.code == "team"


def test_down_waits_and_is_taken_back(firm: Firm, client: Client) -> None:
    firm.buy()
    page = text(client.get("/settings/plan/choose?plan=start&seats=3"))
    assert "Nothing is charged now" in page
    client.post("/settings/plan/change", hidden(page, "/settings/plan/change"))
    assert "Take it back" in text(client.get("/settings/plan"))
    assert client.post("/settings/plan/change/taken-back").status_code == 303
    assert "Take it back" not in text(client.get("/settings/plan"))
    row = firm.row()
    with sides.control_unit():
        assert PendingChange.objects.get(subscription=row).state == "taken_back"


def test_cancel_resume_pause_and_come_back(firm: Firm, client: Client) -> None:
    firm.buy()
    client.post("/settings/plan/cancel")
    assert firm.row().cancel_at is not None
    assert "Keep the plan" in text(client.get("/settings/plan"))
    client.post("/settings/plan/resume")
    assert firm.row().cancel_at is None
    for months in ("9", "0", "-1", "", "two", "1.5"):
        assert client.post("/settings/plan/pause", {"months": months}).status_code == 422
    assert firm.row().paused_until is None
    client.post("/settings/plan/pause", {"months": "2"})
    assert firm.row().paused_until is not None
    assert "Come back now" in text(client.get("/settings/plan"))
    for path in ("/settings/plan/choose?plan=team&seats=9", "/settings/plan/seats/change?count=1&way=fewer"):
        page = text(client.get(path))
        assert "The plan is paused until" in page
        assert "To pay now" not in page
    client.post("/settings/plan/unpause")
    assert firm.row().paused_until is None


def test_seats_are_looked_at_then_added_and_given_back(firm: Firm, client: Client) -> None:
    firm.buy()
    page = text(client.get("/settings/plan/seats/change?count=2&way=more"))
    due, before = sums(page)["now"], firm.charged()
    assert client.post("/settings/plan/seats/change", hidden(page, "/settings/plan/seats/change")).status_code == 303
    assert f"{(firm.charged() - before) / 100:.2f}" == due
    assert firm.row().seats == 7
    page = text(client.get("/settings/plan/seats/change?count=2&way=fewer"))
    assert sums(page)["now"].startswith("-")
    client.post("/settings/plan/seats/change", hidden(page, "/settings/plan/seats/change"))
    assert firm.row().seats == 5
    refused = client.post("/settings/plan/seats/change", {"count": "5", "way": "fewer", "as_of": hidden(page, "/settings/plan/seats/change")["as_of"]})
    assert refused.status_code in (409, 422)
    assert 'value="5"' in text(refused)


def test_declined_seats_wait_and_can_be_paid(firm: Firm, client: Client) -> None:
    firm.buy()
    page = text(client.get("/settings/plan/seats/change?count=1&way=more"))
    firm.provider.decline_next()
    client.post("/settings/plan/seats/change", hidden(page, "/settings/plan/seats/change"))
    assert firm.row().seats == 5
    assert "wait for their payment" in text(client.get("/settings/plan/seats"))
    assert client.post("/settings/plan/seats/waiting", {"act": "pay"}).status_code == 303
    assert firm.row().seats == 6
    assert "wait for their payment" not in text(client.get("/settings/plan/seats"))


def test_another_firms_session_payer_and_invoice_are_not_there(firm: Firm, client: Client, make_door: Any) -> None:
    client.post("/settings/plan/payers/new", {"name": "Veldhuis BV", "country": "NL"})
    client.post("/settings/plan/checkout", {"plan": "team", "seats": "5", "currency": "EUR", "provider": "stripe"})
    account = firm.account()
    with sides.control_unit():
        payer, session = Payer.objects.get(account=account), Checkout.objects.get(account=account)
    with firm_at(make_door(email="eve@elsewhere.example")) as eve:
        theirs = eve.door.client(email="eve@elsewhere.example")
        assert theirs.get(f"/settings/plan/return?session={session.reference}").status_code == 404
        assert theirs.get(f"/settings/plan/payers/{payer.pk}").status_code == 404
        assert theirs.post(f"/settings/plan/payers/{payer.pk}/archive").status_code == 404
        assert theirs.get("/settings/plan/invoices/none.pdf").status_code == 404
        assert theirs.post("/settings/plan/invoices/none/payment").status_code == 404
    with sides.control_unit():
        assert Payer.objects.get(pk=payer.pk).archived_at is None


def test_companies_that_pay(firm: Firm, client: Client) -> None:
    first = client.post("/settings/plan/payers/new", {"name": "", "country": "NL"})
    assert first.status_code == 422
    for name in ("Ателье Вельдхёйс и сыновья", "Zweite GmbH"):
        assert client.post("/settings/plan/payers/new", {"name": name, "country": "DE", "tax_id": "DE 123.456"}).status_code == 303
    page = text(client.get("/settings/plan/payers"))
    assert page.index("Ателье") < page.index("Zweite")
    account = firm.account()
    with sides.control_unit():
        main, second = Payer.objects.filter(account=account).order_by("pk")
    client.post(f"/settings/plan/payers/{second.pk}/main")
    client.post(f"/settings/plan/payers/{main.pk}", {"name": "Ателье", "country": "DE"})
    client.post(f"/settings/plan/payers/{main.pk}/archive")
    page = text(client.get("/settings/plan/payers"))
    assert "Zweite" in page
    assert "Ателье" not in page


def test_rules_stay_typed_after_a_refusal(firm: Firm, client: Client) -> None:
    assert client.post("/settings/plan/rules/contacts", {"contacts": "books@veldhuis.example\nboss@veldhuis.example"}).status_code == 303
    assert [one["email"] for one in firm.account().contacts] == ["books@veldhuis.example", "boss@veldhuis.example"]
    bad = client.post("/settings/plan/rules/contacts", {"contacts": "nobody"})
    assert bad.status_code == 422
    assert "nobody" in text(bad)
    assert client.post("/settings/plan/rules/ceiling", {"ceiling": "120.50"}).status_code == 303
    assert firm.account().spending_ceiling_minor == 12_050
    assert client.post("/settings/plan/rules/ceiling", {"ceiling": "-3"}).status_code == 422
    assert "120.5" in text(client.get("/settings/plan"))
    assert client.post("/settings/plan/rules/code", {"promo-code": "NO SUCH"}).status_code == 422
    assert client.post("/settings/plan/rules/referral", {"referral-code": firm.account().referral_code}).status_code == 422


@pytest.mark.parametrize("path", [
    "/settings/plan", "/settings/plan/compare", "/settings/plan/seats", "/settings/plan/seats/kinds", "/settings/plan/seats/stay", "/settings/plan/invoices", "/settings/plan/payers", "/settings/plan/rules",
    "/settings/plan/cancel", "/settings/plan/pause", "/settings/plan/choose",
])  # fmt: skip
def test_a_page_costs_the_same_with_one_row_and_with_three(firm: Firm, client: Client, count_statements: Any, path: str) -> None:
    firm.buy()
    buying.set_occasional_ceiling(firm.place, 1, actor=firm.owner)
    paying.set_spending_ceiling(firm.place, 100_000, actor=firm.owner)
    found = []
    for name in ("One", "Two", "Three"):
        with firm.door.unit():
            one = person(roles.SELLER, name=name)
            User.objects.filter(pk=one.pk).update(seat="occasional")
            SeatDay.objects.get_or_create(person=one.pk, day=admitting.today())
            asking.ask(User.objects.select_related("role", "group").get(pk=one.pk))
        paying.add_payer(firm.place, {"name": name, "country": "NL"}, actor=firm.owner)
        paying.set_contacts(firm.place, [{"email": f"{at}{name}@veldhuis.example"} for at in range(len(found) + 1)], actor=firm.owner)
        firm.change(seats=str(6 + len(found)))
        for _time in range(2):
            client.get(path)  # what is kept is read once, and what was said is said
        with count_statements() as count:
            assert client.get(path).status_code == 200
        found.append(count())
    assert found[0] == found[1] == found[2], found
    assert found[0] <= (MOST_WITH_A_LOOK if path.endswith("choose") else MOST_STATEMENTS), found


def test_the_card_is_kept_elsewhere(firm: Firm, client: Client) -> None:
    assert client.post("/settings/plan/card").status_code == 409
    firm.buy()
    gone = client.post("/settings/plan/card")
    assert (gone.status_code, gone.headers["Location"].startswith("https://pay.example/portal/")) == (303, True)


def test_a_provider_that_does_not_answer_is_said_on_the_page(firm: Firm, client: Client) -> None:
    firm.buy()
    firm.provider.down = True
    page = client.get("/settings/plan/choose?plan=business&seats=8")
    assert page.status_code == 200
    assert "does not answer" in text(page)
    assert client.get("/settings/plan").status_code == 200


def test_an_unpaid_bill_is_said_promised_and_paid(firm: Firm, client: Client) -> None:
    firm.buy()
    firm.provider.decline_next()
    with later(firm.row().period_end + timedelta(hours=2)):
        firm.look()
        page = text(client.get("/settings/plan"))
        assert ("A bill is open" in page, "data-total=\"owed\"" in page, "Promise to pay" in page) == (True, True, True)
        assert client.post("/settings/plan/promise").status_code == 303
        assert firm.row().promised_until is not None
        assert "Promise to pay" not in text(client.get("/settings/plan"))
        more = client.post("/settings/plan/seats/change", {"count": "1", "way": "more", "as_of": clock.now().isoformat()})
        assert (more.status_code, firm.row().seats) == (409, 5)
        listed = text(client.get("/settings/plan/invoices"))
        pay = re.search(r'action="(/settings/plan/invoices/\w+/payment)"', listed).group(1)
        assert client.post(pay).status_code == 303
        assert firm.row().past_due_since is None
        assert "A bill is open" not in text(client.get("/settings/plan"))


def test_a_limited_workspace_can_still_be_paid_for(firm: Firm, client: Client) -> None:
    firm.buy()
    firm.provider.decline_next()
    ends = firm.row().period_end
    with later(ends + timedelta(hours=2)):
        firm.look()
    for days, name in ((16, "Reading only"), (50, "Frozen"), (230, "Before erasure")):
        with later(ends + timedelta(days=days)):
            page = client.get("/settings/plan")
            assert (page.status_code, name in text(page)) == (200, True), days
            assert client.get("/settings/plan/invoices").status_code == 200
    with later(ends + timedelta(days=231)):
        pay = re.search(r'action="(/settings/plan/invoices/\w+/payment)"', text(client.get("/settings/plan/invoices"))).group(1)
        assert client.post(pay).status_code == 303
        assert "Paid" in text(client.get("/settings/plan"))


def test_fewer_seats_than_people_are_said_before_anything_is_bought(firm: Firm, client: Client) -> None:
    with firm.door.unit():
        seller = Role.objects.get(code=roles.SELLER).pk
        services.invite(firm.owner, emails=["ada@veldhuis.example", "ben@veldhuis.example"], role_id=seller)
    assert "1 person without a seat" in text(client.get("/settings/plan/choose?plan=team&seats=2&begin=now"))
    assert "You have more than it holds" not in text(client.get("/settings/plan/choose?plan=team&seats=3&begin=now"))


def test_seats_whose_days_of_waiting_are_over_wait_no_longer_on_any_page(firm: Firm, client: Client) -> None:
    firm.buy()
    firm.provider.decline_next()
    now = clock.now()
    client.post("/settings/plan/seats/change", {"count": "1", "way": "more", "as_of": now.isoformat()})
    assert "wait for their payment" in text(client.get("/settings/plan/seats"))
    with later(now + timedelta(days=8)):
        for page in ("/settings/plan", "/settings/plan/seats"):
            assert "wait for their payment" not in text(client.get(page))
