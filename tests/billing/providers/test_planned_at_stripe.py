"""A change that is planned at the payment service, by the real library over the sandbox: what is given or taxed otherwise meanwhile holds for it too."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from crm_platform.kernel import clock
from tests.billing.providers.conftest import target
from tests.billing.providers.rigs import Firm, stripe_rig
from tests.billing.providers.test_contract import coupon


@pytest.fixture
def firm(house: Any, django_db_blocker: Any) -> Iterator[Firm]:
    with django_db_blocker.unblock(), stripe_rig() as rig:
        yield Firm(rig)


def phases(firm: Firm) -> list[Any]:
    [schedule] = [row for row in firm.rig.standin.world.store.all("subscription_schedule") if row["status"] == "active"]  # type: ignore[attr-defined]  # the sandbox's rig
    return list(schedule["phases"])


def next_bill(firm: Firm, bought: Any) -> int:
    before = firm.rig.charged(firm.customer)
    firm.rig.advance(bought.period_end - clock.now() + timedelta(hours=2))
    return firm.rig.charged(firm.customer) - before


def test_a_code_that_is_put_in_after_a_change_was_planned_holds_for_it(firm: Firm) -> None:
    bought = firm.buy(target(5, plan="business"))
    firm.provider.change_at_end(bought.external_id, target(5), key=firm.key())
    firm.provider.discount(bought.external_id, coupon(percent_bp=5_000, duration="once").code, key=firm.key())
    assert all(phase["discounts"] for phase in phases(firm))
    assert next_bill(firm, bought) == 5 * 1_900 // 2
    assert dict(firm.sub().sold) == {"plan:team:1:seats": 5}


def test_a_tax_that_is_due_is_named_in_what_is_planned(firm: Firm) -> None:
    bought = firm.buy(target(5, plan="business"))
    firm.provider.tax(bought.external_id, 2_100, key=firm.key())
    firm.provider.change_at_end(bought.external_id, target(5), key=firm.key())
    assert [len(phase["default_tax_rates"]) for phase in phases(firm)] == [1, 1]
    firm.provider.tax(bought.external_id, 0, key=firm.key())
    assert [len(phase["default_tax_rates"]) for phase in phases(firm)] == [0, 0]
    firm.provider.tax(bought.external_id, 2_100, key=firm.key())
    assert next_bill(firm, bought) == 5 * 1_900 * 121 // 100
