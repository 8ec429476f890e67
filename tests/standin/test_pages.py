"""The pages by plain HTTP: checkout, the bank's question, invoices, the portal, the desk."""

from __future__ import annotations

import http.client
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
import stripe

from billing.standin import Running

from .conftest import DAY, Ear, Shop, item

SHOP = "http://shop.example"


def visit(url: str, form: dict[str, str] | None = None) -> tuple[int, str, str]:
    """A page, or a form sent: status, text, and where it leads."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=15)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    connection.request("GET" if form is None else "POST", target.replace(" ", "%20"), None if form is None else urlencode(form))
    answer = connection.getresponse()
    found = answer.status, answer.read().decode("utf-8", "replace"), answer.getheader("Location") or ""
    connection.close()
    return found


def session(shop: Shop, **more: Any) -> stripe.checkout.Session:
    return shop.client.v1.checkout.sessions.create({
        "mode": "subscription", "line_items": [{"price": shop.price().id, "quantity": 5}], "success_url": f"{SHOP}/done?session={{CHECKOUT_SESSION_ID}}", "cancel_url": f"{SHOP}/back",
        "client_reference_id": "ws-1", "subscription_data": {"metadata": {"tenant": "ws-1"}}, **more,
    })  # type: ignore[typeddict-item]  # fmt: skip


def now(shop: Shop, made: stripe.checkout.Session) -> stripe.checkout.Session:
    return shop.client.v1.checkout.sessions.retrieve(made.id, {"expand": ["subscription", "line_items"]})


def test_a_subscription_is_bought(shop: Shop, standin: Running, ear: Ear) -> None:
    customer = shop.customer("")
    made = session(shop, customer=customer.id)
    assert (made.status, made.payment_status, made.amount_total) == ("open", "unpaid", 9500)
    status, text, _to = visit(str(made.url))
    assert status == 200
    assert "SANDBOX" in text
    assert "95.00 EUR" in text
    assert "<script" not in text
    status, _text, to = visit(str(made.url), {"card": "pm_card_visa", "do": "pay"})
    assert (status, to) == (303, f"{SHOP}/done?session={made.id}")
    done = now(shop, made)
    sub: Any = done.subscription
    assert (done.status, done.payment_status, done.client_reference_id, done.customer) == ("complete", "paid", "ws-1", customer.id)
    assert (sub.status, sub.metadata["tenant"], item(sub).quantity) == ("active", "ws-1", 5)
    assert sub.default_payment_method
    standin.deliver()
    assert ear.types[-1] == "checkout.session.completed"


def test_a_guest_becomes_a_customer(shop: Shop) -> None:
    made = session(shop)
    visit(str(made.url), {"card": "pm_card_visa", "email": "new@firm.example"})
    found = shop.client.v1.customers.retrieve(str(now(shop, made).customer))
    assert found.email == "new@firm.example"


@pytest.mark.parametrize(("card", "said"), [("pm_card_chargeDeclined", "Your card was declined."), ("pm_card_chargeDeclinedInsufficientFunds", "insufficient funds"), ("nonsense", "Choose a card.")])
def test_a_refused_card_buys_nothing(shop: Shop, standin: Running, card: str, said: str) -> None:
    made = session(shop, customer=shop.customer("").id)
    status, text, _to = visit(str(made.url), {"card": card})
    assert status == 200
    assert said in text
    assert now(shop, made).status == "open"
    assert standin.world.store.all("subscription") == standin.world.store.all("invoice") == []
    assert visit(str(made.url), {"card": "pm_card_visa"})[0] == 303


@pytest.mark.parametrize("approve", [True, False])
def test_the_bank_asks(shop: Shop, standin: Running, approve: bool) -> None:
    made = session(shop, customer=shop.customer("").id)
    _status, _text, to = visit(str(made.url), {"card": "pm_card_threeDSecure2Required"})
    assert to == f"/3ds/{made.id}"
    assert "95.00 EUR" in visit(standin.url + to)[1]
    assert standin.world.store.all("subscription") == []
    status, _text, to = visit(standin.url + to, {"do": "approve" if approve else "refuse"})
    assert (status, now(shop, made).status) == (303, "complete" if approve else "open")
    if not approve:  # back at the checkout, where another way to pay is chosen
        assert to.startswith(f"/c/{made.id}?")
        assert visit(standin.url + to.replace(" ", "%20"), {"card": "pm_card_visa"})[0] == 303
        assert now(shop, made).status == "complete"


def test_a_second_payment_is_refused(shop: Shop, standin: Running) -> None:
    made = session(shop, customer=shop.customer("").id)
    assert "Paid once" in visit(str(made.url), {"card": "pm_card_visa", "do": "twice"})[1]
    assert "paid already" in visit(f"{standin.url}/c/{made.id}", {"card": "pm_card_visa"})[1]
    assert len(standin.world.store.all("subscription")) == 1
    assert len(standin.world.store.all("charge")) == 1


def test_the_window_closes_after_paying(shop: Shop) -> None:
    made = session(shop, customer=shop.customer("").id)
    status, text, to = visit(str(made.url), {"card": "pm_card_visa", "do": "vanish"})
    assert (status, to) == (200, "")
    assert "window closed" in text
    assert now(shop, made).status == "complete"


def test_a_session_expires(shop: Shop, standin: Running) -> None:
    one, two = session(shop), session(shop)
    shop.client.v1.checkout.sessions.expire(one.id)
    standin.advance(DAY)
    assert [now(shop, made).status for made in (one, two)] == ["expired", "expired"]
    assert len(shop.events("checkout.session.expired")) == 2
    assert "expired" in visit(f"{standin.url}/c/{two.id}")[1]
    with pytest.raises(stripe.InvalidRequestError):
        shop.client.v1.checkout.sessions.expire(one.id)


def test_a_code_is_typed_with_spaces(shop: Shop) -> None:
    coupon = shop.client.v1.coupons.create({"percent_off": 20, "duration": "forever"})
    shop.client.v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "SPRING"})
    made = session(shop, allow_promotion_codes=True)
    assert "invalid" in visit(str(made.url), {"do": "code", "code": "winter"})[1]
    visit(str(made.url), {"do": "code", "code": " spring "})
    assert now(shop, made).amount_total == 7600
    assert shop.client.v1.coupons.retrieve(coupon.id).times_redeemed == 0
    visit(str(made.url), {"card": "pm_card_visa", "email": "a@b.example"})
    assert shop.client.v1.coupons.retrieve(coupon.id).times_redeemed == 1


def test_the_rest_of_a_trial_is_kept(shop: Shop, standin: Running) -> None:
    end = standin.world.today() + 5 * DAY
    made = session(shop, customer=shop.customer("").id, subscription_data={"trial_end": end})
    visit(str(made.url), {"card": "pm_card_visa"})
    done: Any = now(shop, made)
    assert (done.payment_status, done.subscription.status, done.subscription.trial_end) == ("no_payment_required", "trialing", end)
    with pytest.raises(stripe.InvalidRequestError):
        session(shop, subscription_data={"trial_end": standin.world.today() + DAY})


def test_a_debit_is_confirmed_later(shop: Shop, standin: Running) -> None:
    for card, kind, paid in (("pm_sepaDebit", "succeeded", "paid"), ("pm_sepaDebit_failed", "failed", "unpaid")):
        made = session(shop, customer=shop.customer("").id)
        visit(str(made.url), {"card": card})
        assert now(shop, made).payment_status == "unpaid"
        standin.advance(20 * 3600)
        intent = standin.world.store.all("payment_intent", status="processing")[0]
        shop.fault("debit", id=intent["id"], status=kind)
        assert now(shop, made).payment_status == paid
        assert len(shop.events(f"checkout.session.async_payment_{kind}")) == 1


def test_a_card_is_kept_by_checkout(shop: Shop) -> None:
    customer = shop.customer("")
    made = shop.client.v1.checkout.sessions.create({"mode": "setup", "customer": customer.id, "currency": "eur", "success_url": f"{SHOP}/done"})
    visit(str(made.url), {"card": "pm_card_visa"})
    found = shop.client.v1.checkout.sessions.retrieve(made.id, {"expand": ["setup_intent"]})
    setup: Any = found.setup_intent
    assert (found.status, setup.status) == ("complete", "succeeded")
    assert [one.id for one in shop.client.v1.customers.payment_methods.list(customer.id).data] == [setup.payment_method]


def test_an_open_invoice_is_paid_on_its_page(shop: Shop, standin: Running) -> None:
    sub = shop.subscribed()
    shop.fault("payments", decline="generic_decline")
    standin.advance_to(item(sub).current_period_end + 3601)
    url = str(shop.invoices(sub.id)[0].hosted_invoice_url)
    assert "95.00 EUR" in visit(url)[1]
    assert "declined" in visit(url, {"card": "pm_card_chargeDeclined"})[2]
    _status, _text, to = visit(url, {"card": "pm_card_threeDSecure2Required"})
    assert to.startswith("/3ds/pi_")
    visit(standin.url + to, {"do": "approve"})
    assert "Paid on" in visit(url)[1]
    assert shop.sub(sub.id).status == "active"


def test_the_pdf_is_one(shop: Shop, tmp_path: Path) -> None:
    customer = shop.customer(name="ООО «Ромашка» (Ёлкино) \\ Ünïcode")
    sub = shop.client.v1.subscriptions.create({"customer": customer.id, "items": [{"price": shop.price().id}]})
    connection = http.client.HTTPConnection(urlsplit(str(shop.invoices(sub.id)[0].invoice_pdf)).netloc)
    connection.request("GET", urlsplit(str(shop.invoices(sub.id)[0].invoice_pdf)).path)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.getheader("Content-Type") == "application/pdf"
    assert body.startswith(b"%PDF-1.4")
    assert body.rstrip().endswith(b"%%EOF")
    start = int(body.rsplit(b"startxref\n", 1)[1].split(b"\n")[0])
    assert body[start : start + 4] == b"xref"
    for number, line in enumerate(body[start:].split(b"\n")[3:8], 1):
        assert body[int(line[:10]) :].startswith(b"%d 0 obj" % number)


def test_the_portal_keeps_cards_and_cancels(shop: Shop, standin: Running) -> None:
    sub = shop.subscribed()
    page = shop.client.v1.billing_portal.sessions.create({"customer": str(sub.customer), "return_url": f"{SHOP}/plan"})
    assert f"{SHOP}/plan" in visit(page.url)[1]
    visit(page.url, {"do": "cancel", "subscription": sub.id})
    assert shop.sub(sub.id).cancel_at_period_end
    visit(page.url, {"do": "keep", "subscription": sub.id})
    assert not shop.sub(sub.id).cancel_at_period_end
    visit(page.url, {"do": "card", "card": "pm_card_chargeCustomerFail"})
    standin.advance_to(item(sub).current_period_end + 3601)
    assert shop.sub(sub.id).status == "past_due"
    other = shop.subscribed()
    assert "error" in visit(page.url, {"do": "cancel", "subscription": other.id})[2]
    assert not shop.sub(other.id).cancel_at_period_end


def test_the_desk(shop: Shop, standin: Running) -> None:
    shop.subscribed()
    session(shop)
    for path in ("/", "/control", "/style.css"):
        assert visit(standin.url + path)[0] == 200
    for path, form in (("clock", {"advance": "86400"}), ("fault", {"fault": "funds"}), ("fault", {"fault": "timeout"}), ("freeze", {}), ("deliver", {}), ("settings", {"after_retries": "unpaid"}), ("scenario", {"name": "active"}), ("clear", {})):
        assert visit(f"{standin.url}/control/{path}", form)[2] == "/control"
    assert standin.world.settings()["after_retries"] == "unpaid"
    assert visit(f"{standin.url}/c/cs_test_none")[0] == 404
    assert visit(f"{standin.url}/nowhere")[0] == 404


def test_words_of_others_stay_words(shop: Shop, standin: Running) -> None:
    shop.subscribed(price=shop.price(name="<b>Seat</b>"))
    shop.client.v1.customers.create({"name": "<script>alert(1)</script>"})
    assert "<b>Seat" not in visit(standin.url + "/")[1]
    made = session(shop)
    assert "<i>" not in visit(f"{made.url}?error=<i>hello")[1]
