"""What is asked of a provider is written before it is asked, and done once."""

from __future__ import annotations

from typing import Any

import pytest

from billing.providers import calling
from billing.providers.models import ProviderOp
from billing.providers.protocol import Changed, Declined, ProviderUnavailable, Started
from crm_platform.db import sides
from crm_platform.kernel import clock, ids

from .conftest import Paying, target


def rows(operation: str) -> list[ProviderOp]:
    with sides.control_unit():
        return list(ProviderOp.objects.filter(operation=operation).order_by("pk"))


def test_the_operation_stands_before_the_call(paying: Paying) -> None:
    operation, seen = ids.random_id(), []

    def do(key: str) -> str:
        seen.append([(row.state, row.key) for row in rows(operation)])
        return key

    key = calling.once(operation, "credit", {"amount": 5}, do, account=paying.account)
    assert seen == [[("asked", key)]]
    [row] = rows(operation)
    assert (row.state, row.attempts, row.result["value"]) == ("done", 1, key)


@pytest.mark.parametrize("result", [Started("cs_1", "https://pay.example"), Changed(applied=False, declined="card_declined"), "text", None, clock.now()], ids=lambda one: type(one).__name__)
def test_done_once_it_gives_the_same_back(paying: Paying, result: Any) -> None:
    operation, calls = ids.random_id(), []

    def do(key: str) -> Any:
        calls.append(key)
        return result

    assert [calling.once(operation, "x", {}, do, account=paying.account) for _ in range(3)] == [result] * 3
    assert len(calls) == 1


def test_case_31_a_lost_answer_is_asked_for_with_the_same_key(paying: Paying) -> None:
    bought, operation, now, keys = paying.buy(target(5)), ids.random_id(), clock.now(), []
    paying.provider.faults.append("after")

    def do(key: str) -> Changed:
        keys.append(key)
        return paying.provider.apply_change(bought.id, target(8), as_of=now, key=key)

    charges = len(paying.provider.books.charges)
    with pytest.raises(ProviderUnavailable):
        calling.once(operation, "change", {"seats": 8}, do, account=paying.account)
    assert rows(operation)[0].state == "asked"
    assert calling.once(operation, "change", {"seats": 8}, do, account=paying.account).applied
    assert keys[0] == keys[1]
    assert len(paying.provider.books.charges) == charges + 1
    assert len(paying.provider.books.subscriptions) == 1


def test_case_32_another_wish_under_the_same_name_is_another_call(paying: Paying) -> None:
    operation = ids.random_id()
    keys = [calling.once(operation, "change", {"seats": seats}, lambda key: key, account=paying.account) for seats in (5, 6, 5)]
    assert keys[0] == keys[2] != keys[1]
    assert len(rows(operation)) == 2


def test_after_a_refusal_the_next_try_has_a_key_of_its_own(paying: Paying) -> None:
    operation, keys = ids.random_id(), []

    def do(key: str) -> str:
        keys.append(key)
        if len(keys) == 1:
            raise Declined(reason="card_declined")
        return key

    with pytest.raises(Declined):
        calling.once(operation, "pay", {}, do, account=paying.account)
    calling.once(operation, "pay", {}, do, account=paying.account)
    assert keys[0] != keys[1]
    assert [row.state for row in rows(operation)] == ["refused", "done"]
    assert "card_declined" in rows(operation)[0].error
