"""Stripe's own signatures at the door, made by the library; and the whole way from a paid page to the plan, over the sandbox."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
import stripe
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from billing.models import BillingAccount
from billing.providers import catching, commands, reconciling, registry, syncing  # noqa: F401 (commands are registered)
from billing.providers.models import Cursor, ProviderEvent, ProviderPrice
from billing.providers.protocol import Payer
from billing.providers.stripe_adapter import asking, prices
from billing.providers.stripe_adapter.adapter import StripeProvider
from crm_platform.config import env
from crm_platform.db import sides

from .conftest import clear, lose_events, post, work
from .shops import Shop, signed

OLD, NEW = "whsec_old_one", "whsec_new_one"


@pytest.fixture
def door(house: None, django_db_blocker: Any) -> Iterator[StripeProvider]:
    """The adapter with two secrets, while one is changed for the other."""
    provider = StripeProvider(key="sk_test_x", base="http://127.0.0.1:9", secrets=[NEW, OLD])
    with django_db_blocker.unblock(), registry.stand_in(provider):
        yield provider
        clear()


def body(**values: Any) -> bytes:
    told = {"id": f"evt_{time.time_ns()}", "object": "event", "type": "invoice.paid", "created": int(time.time()), "livemode": False, "api_version": stripe.api_version}
    return json.dumps(told | {"data": {"object": {"id": "in_1", "object": "invoice", "customer": "cus_nobody"}}} | values).encode()


def count() -> int:
    with sides.control_unit():
        return ProviderEvent.objects.count()


def test_the_library_is_the_one_this_was_written_for() -> None:
    assert stripe.VERSION == asking.VERSION
    assert stripe.api_version == asking.API_VERSION


def test_case_11_signatures_that_are_none(door: StripeProvider) -> None:
    raw = body()
    right = signed(raw, NEW)["stripe-signature"]
    for header in ("", "t=1", right.replace("v1=", "v0="), "t=abc,v1=zz", "garbage", right[:-4] + "0000", f"t={int(time.time())}"):
        assert post(raw, **({"stripe-signature": header} if header else {})).status_code == 400, header
    assert count() == 0
    assert post(raw, **{"stripe-signature": right}).status_code == 200
    assert count() == 1


@pytest.mark.parametrize(("age", "status"), [(-299, 200), (-360, 400), (86_400, 400), (300, 200)])
def test_case_12_old_and_future_signatures(door: StripeProvider, age: int, status: int) -> None:
    raw = body()
    assert post(raw, **signed(raw, NEW, at=int(time.time()) + age)).status_code == status


def test_case_13_while_the_secret_is_changed_both_are_good(door: StripeProvider) -> None:
    raw = body()
    assert post(raw, **signed(raw, OLD)).status_code == 200
    assert post(raw, **signed(raw, NEW)).status_code == 200
    door.secrets = (NEW,)
    assert post(raw, **signed(raw, OLD)).status_code == 400


def test_case_14_the_raw_bytes_are_what_is_signed(door: StripeProvider) -> None:
    raw = body()
    assert post(json.dumps(json.loads(raw), indent=1).encode(), **signed(raw, NEW)).status_code == 400


@pytest.mark.parametrize("raw", [b"\xff\xfe{}", b"not json at all", b"[]", b'"text"', b"{}", json.dumps({"id": "evt_2", "object": "v2.core.event", "type": "x", "created": "2026-01-01T00:00:00Z"}).encode(), b'{"id": "e", "object": "event", "type": "x", "created": 1e99, "data": {"object": {}}}'])
def test_case_15_signed_and_unreadable(door: StripeProvider, raw: bytes) -> None:
    assert post(raw, **signed(raw, NEW)).status_code == 400


def test_case_15_an_event_of_five_megabytes_is_too_large(door: StripeProvider) -> None:
    raw = body(padding="x" * 5_000_000)
    assert post(raw, **signed(raw, NEW)).status_code == 413


def test_case_16_live_events_are_ignored_here(door: StripeProvider) -> None:
    raw = body(livemode=True)
    assert post(raw, **signed(raw, NEW)).json()["status"] == "ignored"


def test_case_18_and_19_unknown_fields_and_older_shapes_are_taken_in(door: StripeProvider) -> None:
    raw = body(api_version="2019-01-01", from_the_future={"a": [1]}, type="customer.subscription.updated", data={"object": {"id": "sub_1", "customer": {"id": "cus_x"}, "current_period_end": 1, "status": "frozen"}})
    assert post(raw, **signed(raw, NEW)).status_code == 200
    with sides.control_unit():
        kept = ProviderEvent.objects.get()
    assert (kept.customer, kept.object_id, kept.version, kept.raw) == ("cus_x", "sub_1", "2019-01-01", raw.decode())


# The whole way, over the sandbox.


def test_case_26_paid_and_never_come_back_it_is_active_by_the_event_alone(shop: Shop) -> None:
    shop.buy(5)
    [event] = [event for event in shop.events() if event.kind == "checkout.session.completed"]
    assert shop.deliver(event.raw.encode()) == 200
    work()
    assert (shop.row.plan.code, shop.row.seats, shop.row.status) == ("team", 5, "active")


def test_case_29_a_session_of_another_names_another_account(shop: Shop) -> None:
    shop.buy(5)
    [event] = [event for event in shop.events() if event.kind == "checkout.session.completed"]
    told = json.loads(event.raw)
    told["data"]["object"]["metadata"]["account"] = "of somebody else"
    assert shop.deliver(json.dumps(told).encode()) == 200
    work()
    assert shop.row.external_id == ""
    with sides.control_unit():
        assert ProviderEvent.objects.get().status == "orphan"


def test_case_22_five_hundred_events_are_few_looks(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import timedelta

    from billing.providers import inbox

    monkeypatch.setattr(inbox, "GATHER", timedelta(seconds=1))
    shop.buy(5)
    [event] = [event for event in shop.events() if event.kind == "checkout.session.completed"]
    fetches, fetch = [], shop.provider.fetch
    monkeypatch.setattr(shop.provider, "fetch", lambda customer: (fetches.append(customer), fetch(customer))[1])
    took = []
    for number in range(500):
        told = json.loads(event.raw) | {"id": f"evt_burst{number}"}
        began = time.perf_counter()
        assert shop.deliver(json.dumps(told).encode()) == 200
        took.append(time.perf_counter() - began)
        if number % 100 == 99:
            work()
    time.sleep(1.1)
    work()
    with sides.control_unit():
        assert not ProviderEvent.objects.exclude(status="done").exists()
    assert len(fetches) <= 12
    assert sorted(took)[int(len(took) * 0.99)] < 0.3


def test_case_23_after_four_days_without_events_they_are_read_from_the_list(shop: Shop) -> None:
    catching.catch_up("stripe")
    work()
    lose_events()
    shop.buy(5)
    assert catching.catch_up("stripe") > 0
    work()
    assert shop.row.plan.code == "team"
    assert catching.catch_up("stripe") == 0


def test_case_23_after_forty_days_every_account_is_looked_at(shop: Shop) -> None:
    from datetime import timedelta

    from crm_platform.kernel import clock

    catching.catch_up("stripe")
    shop.buy(5)
    lose_events()
    store = shop.rig.standin.world.store
    with store.lock, store.unit():  # they remember thirty days
        for row in store.all("event"):
            store.edit(row["id"])["_gone"] = True
    with sides.control_unit():
        Cursor.objects.update(read_at=clock.real_now() - timedelta(days=40))
    catching.catch_up("stripe")
    work()
    assert shop.row.plan.code == "team"


def test_case_39_a_year_past_due_counts_by_our_own_anchor(shop: Shop) -> None:
    from datetime import timedelta

    shop.buy(5)
    syncing.sync_account(shop.account_id)
    shop.rig._do("settings", after_retries="leave")
    shop.rig._do("payments", decline="card_declined", count=10_000)
    shop.rig.advance(timedelta(days=32))
    syncing.sync_account(shop.account_id)
    first = shop.row.past_due_since
    shop.rig.advance(timedelta(days=360))
    syncing.sync_account(shop.account_id)
    assert first is not None
    assert shop.row.past_due_since == first


def test_case_44_deleted_in_the_dashboard(shop: Shop) -> None:
    shop.buy(5)
    syncing.sync_account(shop.account_id)
    shop.rig._do("delete", id=shop.row.external_id)
    for event in shop.events():
        shop.deliver(event.raw.encode())
    work()
    assert (shop.row.plan.code, shop.row.status) == ("free", "canceled")


def test_case_45_the_customer_is_deleted_in_the_dashboard(shop: Shop) -> None:
    shop.buy(5)
    syncing.sync_account(shop.account_id)
    shop.rig._do("delete", id=shop.customer)
    syncing.sync_account(shop.account_id)
    with sides.control_unit():
        assert BillingAccount.objects.get(pk=shop.account_id).external_id == ""
    again = shop.provider.ensure_customer(Payer("x", "Atelier", "olga@veldhuis.example"), external_id=shop.customer, key="again")
    assert again != shop.customer


def test_case_46_the_quantity_is_edited_in_the_dashboard(shop: Shop) -> None:
    shop.buy(5)
    syncing.sync_account(shop.account_id)
    shop.rig._do("edit", id=shop.row.external_id, set={"items.data.0.quantity": 9})
    found = reconciling.reconcile(full=True, fix=False)
    assert {one["kind"] for one in found} == {"quantity"}
    assert shop.row.seats == 5
    reconciling.reconcile(full=True, fix=True)
    assert shop.row.seats == 9
    assert reconciling.reconcile(full=True, fix=False) == []


def test_case_47_a_price_is_archived_in_the_dashboard(shop: Shop) -> None:
    shop.buy(5)
    syncing.sync_account(shop.account_id)
    with sides.control_unit():
        price = ProviderPrice.objects.get(provider="stripe", ref="plan:team:1:seats", currency="EUR", interval="month")
    shop.rig._do("delete", id=price.external_id)
    found = [one for one in reconciling.reconcile(full=True, fix=True) if one["kind"] == "catalogue"]
    assert [(one["subject"], one["facts"]["why"]) for one in found] == [(price.lookup_key, "archived")]
    assert shop.row.plan.code == "team"


def test_the_catalogue_is_made_once(shop: Shop) -> None:
    client = shop.provider.client
    first = prices.sync(client)
    assert first["prices"] > 50
    with sides.control_unit():
        made = ProviderPrice.objects.filter(provider="stripe").count()
        ProviderPrice.objects.filter(provider="stripe").delete()
    assert made == first["prices"] - len(first["refused"])
    prices.sync(client)  # found by their lookup keys, none is made twice
    assert len(list(client.v1.prices.list({"limit": 100}).auto_paging_iter())) == made
    assert prices.wrong(client) == {}


# Starting.


@pytest.mark.parametrize(
    ("key", "secrets", "base", "embedded", "refused"),
    [
        ("", [], env.STRIPE, False, False), ("sk_live_1", ["whsec_1"], env.STRIPE, False, False), ("sk_test_1", ["whsec_1"], "http://127.0.0.1:9", True, False),
        ("sk_test_1", ["whsec_1"], "http://127.0.0.1:9", False, True), ("sk_live_1", ["whsec_1"], "http://127.0.0.1:9", True, True), ("rk_live_1", ["whsec_1"], "https://stripe.example", True, True),
        ("sk_live_1", [], env.STRIPE, False, True), ("", ["whsec_1"], env.STRIPE, False, True),
    ],
)  # fmt: skip
def test_what_would_take_money_wrongly_does_not_start(key: str, secrets: list[str], base: str, embedded: bool, refused: bool) -> None:
    if refused:
        with pytest.raises(ImproperlyConfigured):
            env.refuse_payments(key=key, secrets=secrets, base=base, embedded=embedded)
    else:
        env.refuse_payments(key=key, secrets=secrets, base=base, embedded=embedded)


def test_a_server_refuses_at_its_start() -> None:
    said = {"STRIPE_SECRET_KEY": "sk_live_1", "STRIPE_API_BASE": "http://127.0.0.1:9", "STRIPE_WEBHOOK_SECRET": "whsec_1", "SECRET_KEY": "k" * 50}
    given = {name: value for name, value in os.environ.items() if not name.startswith(("CRM_", "DJANGO_"))} | said
    done = subprocess.run([sys.executable, "-c", "import crm_platform.config.settings.production"], env=given | {"PYTHONPATH": f"{settings.ROOT}:{settings.ROOT / 'platform'}"}, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "STRIPE_SECRET_KEY is a live one" in done.stderr
